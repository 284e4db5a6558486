"""A definition is parsed once, and not for each execution: that takes a tenth of a second.

What evaluates an execution is still made anew for each, of the same parse tree.
"""

from __future__ import annotations

from functools import lru_cache

from antlr4 import CommonTokenStream, InputStream, ParserRuleContext
from localstack.services.stepfunctions.asl.antlr.runtime.ASLLexer import ASLLexer
from localstack.services.stepfunctions.asl.antlr.runtime.ASLParser import ASLParser
from localstack.services.stepfunctions.asl.component.eval_component import EvalComponent
from localstack.services.stepfunctions.asl.parse.asl_parser import (
    AmazonStateLanguageParser,
    ASLParserException,
    SyntaxErrorListener,
)
from localstack.services.stepfunctions.asl.parse.preprocessor import Preprocessor

#: Trees that are kept: some 50 bytes of memory for each byte of a definition.
MOST_KEPT = 16
MOST_BYTES = 100_000


def parse_definitions_once() -> None:
    """Have LocalStack's interpreter keep what it has parsed."""
    AmazonStateLanguageParser.parse = staticmethod(_parse)


def _parse(definition: str) -> tuple[EvalComponent, ParserRuleContext]:
    tree = _kept(definition) if len(definition) <= MOST_BYTES else _tree(definition)
    return Preprocessor().visit(tree), tree


def _tree(definition: str) -> ParserRuleContext:
    """Return a definition's parse tree.

    Raises:
        ASLParserException: it is not in Amazon States Language.
    """
    listener = SyntaxErrorListener()
    parser = ASLParser(CommonTokenStream(ASLLexer(InputStream(definition))))
    parser.removeErrorListeners()
    parser.addErrorListener(listener)
    tree: ParserRuleContext = parser.state_machine()
    if listener.errors:
        raise ASLParserException(errors=listener.errors)
    return tree


_kept = lru_cache(MOST_KEPT)(_tree)
