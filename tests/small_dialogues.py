"""Few dialogues, and models with opinions about them."""

from torch import nn

from gptbook.data.dialogues import ASSISTANT, USER, Dialogue
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.training.seeds import seeded

TOKENIZER = CharacterTokenizer([*"abcdefghijklmnopqrstuvwxyz ?", USER, ASSISTANT])
CONFIG = GPTConfig(
    vocab_size=TOKENIZER.vocab_size, context_length=24, num_layers=2, num_heads=2, model_dim=16, mlp_dim=32
)


def asked(question: str, answer: str) -> Dialogue:
    return Dialogue(task="", question=question, answer=answer)


DIALOGUES = [asked("oslo?", "o"), asked("lima?", "l"), asked("a?", "ab"), asked("rome or bonn?", "bonn")]


def opinionated(kind: type[GPT] | type[ModernGPT]) -> GPT | ModernGPT:
    """A model with random numbers, large enough that its answers differ."""
    with seeded(0):
        made = kind(CONFIG)
        for parameter in made.parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.5)
    return made.eval()
