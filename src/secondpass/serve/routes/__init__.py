"""What each path reads and answers: `own` ours, `others` other people's APIs, `watching` health."""
