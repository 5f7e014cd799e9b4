"""Language models that rate, compare or order texts, and the algorithms that ask them.

Who calls whom, from a stage down to the network, and the module of each:

    Order, Compare, Rate          secondpass.stages: a judge and an algorithm
    JudgeStage                    runner: all rankings at once, limited concurrency
      Algorithm.flow              algorithms/: yields rounds of questions, gets the replies
      Meter, CallAllowance        budget: whether a call may start; cost_estimate: the plan
      JudgeCaller.call            protocols: the judge's method for this kind of question
        ChatJudge.aorder, ...     chat/chat_judge: a judge made of any chat model
          ContextWindow.order     chat/context_window: all at once, in parts, or shortened
          tag_passages            chat/passage_tags: sanitised, in tags, random identifiers
          tasks.order, Prompts    chat/tasks, chat/prompts: the prompt and its answer's reader
          RepairLoop              chat/repair: asks until the answer is usable
            CapabilityProbe       chat/capabilities: without what the server rejects
              Chat.complete       chat/protocol: your chat model, or secondpass.models.openai
            read_order, ...       parsing/: the order, choice or probability in the answer
"""

from secondpass.judge.algorithms.pairwise import AllPairs, Heapsort, SlidingPairs
from secondpass.judge.algorithms.protocol import Algorithm, Round, Verdict
from secondpass.judge.algorithms.self_consistent import SelfConsistent
from secondpass.judge.algorithms.setwise import SetwiseHeapsort, SetwiseInsertion
from secondpass.judge.algorithms.tournament import Tournament
from secondpass.judge.budget import Prices
from secondpass.judge.chat.prompts import Prompts
from secondpass.judge.chat.protocol import Chat, ChatError, Completion, TokenLogprob
from secondpass.judge.cost_estimate import CostEstimate, CostEvent
from secondpass.judge.protocols import (
    Answer,
    AsyncComparer,
    AsyncJudge,
    AsyncPicker,
    AsyncScorer,
    Usage,
)

__all__ = [
    "Algorithm",
    "AllPairs",
    "Answer",
    "AsyncComparer",
    "AsyncJudge",
    "AsyncPicker",
    "AsyncScorer",
    "Chat",
    "ChatError",
    "Completion",
    "CostEstimate",
    "CostEvent",
    "Heapsort",
    "Prices",
    "Prompts",
    "Round",
    "SelfConsistent",
    "SetwiseHeapsort",
    "SetwiseInsertion",
    "SlidingPairs",
    "TokenLogprob",
    "Tournament",
    "Usage",
    "Verdict",
]
