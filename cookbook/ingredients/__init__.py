"""What the notebooks share: texts, vectors, an answerer, pictures. Read them, copy them.

Import from notebooks whose working directory is cookbook/: `from ingredients.corpus import ...`.
"""
