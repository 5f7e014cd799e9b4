"""LlamaIndex's nodes in, a ranking; a ranking in, LlamaIndex's nodes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore

from secondpass import Candidate, InvalidInputError, Ranking
from secondpass.core.ranking_details import METADATA_KEY, metadata_details

REF_DOC_ID = "ref_doc_id"
"""Where stages find the document that a node is from, which is not in its metadata."""


def ranking_of(query: str, nodes: Iterable[NodeWithScore], mode: MetadataMode) -> Ranking:
    """The nodes in their order, with the retriever's scores in the trail, nothing scored yet.

    Ids are positions, since node ids need not be unique.

    Args:
        query: What was asked.
        nodes: In the retriever's order; never changed.
        mode: Which metadata stands in front of a node's text.

    Raises:
        InvalidInputError: Empty query, or something that is not a `NodeWithScore`.
    """
    candidates = []
    for position, node in enumerate(nodes):
        if not isinstance(node, NodeWithScore):
            raise InvalidInputError(
                f"node {position} is {type(node).__name__} {node!r:.80}; "
                "pass NodeWithScore(node=TextNode(text=...))"
            )
        text = text_of(node.node, mode)
        source = node.node.ref_doc_id
        metadata = node.metadata if source is None else {REF_DOC_ID: source, **node.metadata}
        candidates.append(
            Candidate(str(position), text, metadata, node.score, node, position=position)
        )
    return Ranking.of(query, candidates)


def text_of(node: BaseNode, mode: MetadataMode) -> str:
    """What the model reads of a node.

    Metadata stands in the order of its keys. Stores such as Chroma give it back in another order
    each time, and the text, so also the score, would change with it.
    """
    if mode is not MetadataMode.NONE and len(node.metadata) > 1:
        by_key = sorted(node.metadata.items(), key=lambda item: str(item[0]))
        node = node.model_copy(update={"metadata": dict(by_key)})
    return node.get_content(mode)


def nodes_of(ranking: Ranking) -> list[NodeWithScore]:
    """Copies of the nodes, best first, with the details of each in its metadata."""
    return [_node_of(ranking, rank) for rank in range(len(ranking))]


def _node_of(ranking: Ranking, rank: int) -> NodeWithScore:
    candidate = ranking[rank]
    node: BaseNode = candidate.payload.node
    details = metadata_details(ranking, rank, node.metadata)
    changes: dict[str, Any] = {"metadata": {**node.metadata, METADATA_KEY: details}}
    for hidden in ("excluded_llm_metadata_keys", "excluded_embed_metadata_keys"):
        # neither prompts nor embeddings read it
        keys = (key for key in getattr(node, hidden) if key != METADATA_KEY)
        changes[hidden] = [*keys, METADATA_KEY]
    return NodeWithScore(node=node.model_copy(update=changes), score=candidate.score)
