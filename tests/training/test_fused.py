"""The fused optimizers: the same steps as the ones written out."""

import torch

from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.training.loss import next_token_loss
from gptbook.training.optim import FusedMuonAdamW, MuonAdamW, muon_groups
from gptbook.training.seeds import seeded

CONFIG = GPTConfig(vocab_size=11, context_length=8, num_layers=2, num_heads=2, model_dim=8, mlp_dim=16)


def test_the_fused_steps_are_those_that_are_written_out() -> None:
    models = []
    for kind in (MuonAdamW, FusedMuonAdamW):
        with seeded(0):
            model = ModernGPT(CONFIG)
        optimizer = kind(muon_groups(model, 0.02, 0.01), weight_decay=0.1)
        with seeded(1):
            for _ in range(10):
                tokens = torch.randint(11, (4, 8))
                optimizer.zero_grad()
                next_token_loss(model(tokens), tokens).backward()
                for group in optimizer.param_groups:
                    group["lr"] = group["rate"]
                optimizer.step()
        models.append(model)
    for left, right in zip(models[0].parameters(), models[1].parameters()):
        torch.testing.assert_close(left, right, rtol=1e-5, atol=1e-6)


def test_a_step_goes_on_from_a_saved_memory() -> None:
    model = torch.nn.Linear(3, 2)
    optimizer = FusedMuonAdamW([{"params": list(model.parameters())}])
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    saved = optimizer.state_dict()
    other = FusedMuonAdamW([{"params": list(model.parameters())}])
    other.load_state_dict(saved)
    assert other.state[model.weight]["num_steps"] == 1
