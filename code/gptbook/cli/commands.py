"""Which command does what."""

import argparse
from collections.abc import Sequence

from gptbook.cli.chat import chat_command
from gptbook.cli.data_commands import ladder_command, list_data, prepare_data
from gptbook.cli.recipe_table import recipes_command
from gptbook.cli.reports import (
    estimate_command,
    evaluate_command,
    export_command,
    receipt_command,
)
from gptbook.cli.train import train_command
from gptbook.cli.write import complete_command, sample_command, tokens_command
from gptbook.data.tables import check_own_tables


def run_command(options: argparse.Namespace, words: Sequence[str]) -> int:
    """Do what the parsed words say, and return the exit code."""
    check_own_tables()
    match options.command:
        case "train":
            return train_command(options, words)
        case "recipes":
            recipes_command(options)
        case "estimate":
            estimate_command(options)
        case "receipt":
            receipt_command(options)
        case "export":
            export_command(options)
        case "sample":
            sample_command(options)
        case "chat":
            chat_command(options)
        case "complete":
            complete_command(options)
        case "evaluate":
            evaluate_command(options)
        case "tokens":
            tokens_command(options)
        case "data":
            if options.action == "list":
                list_data()
            else:
                prepare_data(options)
        case "ladder":
            return ladder_command(options)
    return 0
