"""Makes the list of the classes that state may name, from the sources of the packages.

It reads the sources and runs none of them: ``python -m local_cloud.engine.state.list_records``
writes ``record_classes.json``. On the list are the classes of the modules that define what services
hold, and those that these use.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local_cloud.engine.state.classes import LIST

#: Services whose state moto holds, as its folders are called.
_MOTO = (
    "acm|apigateway|apigatewayv2|cloudformation|cloudwatch|cognitoidp|config|dynamodb"
    "|dynamodbstreams|ec2|ecr|es|events|firehose|iam|kinesis|kms|logs|opensearch|redshift"
    "|resourcegroups|resourcegroupstaggingapi|route53|route53resolver|s3|s3control|scheduler"
    "|secretsmanager|ses|sns|sqs|ssm|stepfunctions|sts|support|swf|transcribe|xray"
)
#: Modules that define what services hold.
_MODELS = re.compile(
    rf"moto\.({_MOTO})\.(models|utils|metric_filters|integration_parsers|policy_validation)(\..+)?"
    r"|moto\.core\.(common_models|base_backend|utils|types)"
    r"|moto\.utilities\.(tagging_service|paginator|utils|arns)"
    r"|moto\.(cloudformation|ses|dynamodb|sqs)\.(parsing\.ast_nodes|template|comparisons|utils)(\..+)?"
    r"|localstack\.services\.[a-z0-9_]+(\..+)?\.(models|api_utils|queue|lambda_models|entities|types)"
    r"|localstack\.services\.lambda_\.(invocation|event_source_mapping)\..+"
    r"|localstack\.services\.stepfunctions\.(backend\..+|local_mocking\.mock_config)"
    r"|localstack\.services\.stepfunctions\.asl\.eval\.(callback\.callback|event\.logging)"
    r"|localstack\.services\.cloudformation\.(engine|stores|models|v2\.(entities|types))(\..+)?"
    r"|localstack\.services\.apigateway\..*(models|helpers)"
    r"|localstack\.utils\.(collections|objects|tagging|aws\.message_forwarding)"
    r"|local_cloud\.engine\.workflows\.(progress|distributed_map\.(children|map_run))"
    r"|local_cloud\.engine\.state\.services\.stepfunctions"
)
#: Of these modules only what has members: everything else in them is a name for plain data.
_NAMES = re.compile(r"localstack\.aws\.api(\..+)?")
_PACKAGES = ("moto", "localstack", "local_cloud")
#: What no record is derived from, and what is none by its methods.
_NONE = re.compile(
    r"(?<!\w)\w++(?:(?<=Error)|(?<=Exception)|(?<=Warning))|TypedDict|Protocol|Thread|NamedTemporaryFile|StateVisitor"
    r"|BaseHTTPRequestHandler|ResourceProvider|CloudFormationResourceProviderPlugin|type"
    r"|BaseBackend|BackendDict|AccountSpecificBackend|Plugin|ServiceRequestHandler"
)
#: What does something with records, and is none; with what is one although it is called so.
_WORKS = re.compile(
    r"(?!TagManager|TaggingService|CallbackPoolManager|Type\w+Parser|IntegrationParser|OIDCProvider"
    r"|SAMLProvider|OpenIDConnectProvider|CognitoIdpIdentityProvider|EventPatternParser"
    r"|RequestValidator|CapacityProvider|TagHolder)"
    r"\w*(Provider|Worker|Service|Manager|Router|Executor|Factory|Backend|Parser|Deployer|Resolver"
    r"|Transformer|Handler|Processor|Validator|Holder|Sender|Loader|Converter|Encoder|Descender"
    r"|Hook|Scheduler|Mixin|Resumed|_Reader|Traverser|Expander|Poller|Environment|Statements)"
)
_RUNS = frozenset({"__call__", "__del__", "__get__", "__set__", "__delete__", "__getattribute__"})
_HAS_MEMBERS = re.compile(r"(Str|Int)?(Enum|Flag)")


@dataclass
class _Class:
    module: str
    name: str
    node: ast.ClassDef

    @property
    def full(self) -> str:
        return f"{self.module}:{self.name}"


@dataclass
class _Module:
    """What a module defines, and where the names come from that it uses."""

    classes: dict[str, _Class] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)


def record_classes() -> dict[str, list[str]]:
    """Return the names of the classes that state may name, by module."""
    modules = _read_modules()
    found: dict[str, _Class] = {}
    waiting = [
        one
        for name, module in modules.items()
        if _MODELS.fullmatch(name) or _NAMES.fullmatch(name)
        for one in module.classes.values()
        if _MODELS.fullmatch(name) or _is_derived(modules, one, _HAS_MEMBERS)
    ]
    while waiting:
        one = waiting.pop()
        if one.full in found or _is_derived(modules, one, _NONE) or _runs(modules, one):
            continue
        if _WORKS.fullmatch(one.node.name):
            continue
        found[one.full] = one
        waiting += _used_by(modules, one)
    found |= {one.full: one for one in _derived(modules, found)}
    made: dict[str, list[str]] = {}
    for one in found.values():
        made.setdefault(one.module, []).append(one.name)
    return {module: sorted(made[module]) for module in sorted(made)}


def _derived(modules: dict[str, _Module], found: Mapping[str, _Class]) -> Iterator[_Class]:
    """Yield the kit's own classes that take the place of one on the list."""
    for name, module in modules.items():
        if name.startswith("local_cloud."):
            for one in module.classes.values():
                bases = [base for _, base in _ancestors(modules, one) if base is not None]
                if any(base.full in found for base in bases) and not _runs(modules, one):
                    yield one


def _read_modules() -> dict[str, _Module]:
    modules = {}
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)
        assert spec is not None
        assert spec.submodule_search_locations is not None
        folder = Path(next(iter(spec.submodule_search_locations)))
        for file in sorted(folder.rglob("*.py")):
            parts = (package, *file.relative_to(folder).with_suffix("").parts)
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if _is_read(name):
                modules[name] = _module(name, file)
    return modules


def _is_read(name: str) -> bool:
    """Return whether a module defines what is on the list, or what that may use."""
    return bool(
        _MODELS.fullmatch(name)
        or _NAMES.fullmatch(name)
        or re.match(rf"moto\.({_MOTO}|core|utilities)(\.(?!responses|urls)|$)", name)
        or re.match(
            r"localstack\.(utils|services)\.(?!stepfunctions\.asl\.(component|antlr|jsonata))", name
        )
        or name.startswith("local_cloud.engine.")
    )


def _module(name: str, file: Path) -> _Module:
    made = _Module()
    tree = ast.parse(file.read_text())
    is_package = file.name == "__init__.py"
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            above = name.split(".")[: len(name.split(".")) - node.level + is_package]
            source = ".".join([*above, *filter(None, [node.module])]) if node.level else node.module
            for alias in node.names:
                made.imports[alias.asname or alias.name] = (source or "", alias.name)
    for one in _classes(name, tree.body, ""):
        made.classes[one.name] = one
    return made


def _classes(module: str, body: list[ast.stmt], inside: str) -> Iterator[_Class]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield _Class(module, inside + node.name, node)
            yield from _classes(module, node.body, f"{inside}{node.name}.")
        elif isinstance(node, (ast.If, ast.Try)):
            yield from _classes(module, node.body, inside)


def _resolved(modules: dict[str, _Module], module: str, name: str) -> _Class | None:
    for _ in range(8):  # through modules that only hand it on
        found = modules.get(module)
        if found is None:
            return None
        of, dot, rest = name.partition(".")
        if dot and of in found.imports:  # a module
            module, name = ".".join(found.imports[of]), rest
            continue
        if name in found.classes:
            return found.classes[name]
        if name not in found.imports:
            return None
        module, name = found.imports[name]
    return None


def _bases(one: _Class) -> list[str]:
    names = []
    for base in one.node.bases:
        inner = base.value if isinstance(base, ast.Subscript) else base
        if isinstance(inner, (ast.Name, ast.Attribute)):
            names.append(ast.unparse(inner))
    return names


def _ancestors(modules: dict[str, _Module], one: _Class) -> Iterator[tuple[str, _Class | None]]:
    waiting, seen = [one], {one.full}
    while waiting:
        current = waiting.pop()
        for name in _bases(current):
            base = _resolved(modules, current.module, name)
            yield name.rpartition(".")[2], base
            if base is not None and base.full not in seen:
                seen.add(base.full)
                waiting.append(base)


def _is_derived(modules: dict[str, _Module], one: _Class, of: re.Pattern[str]) -> bool:
    names = [one.node.name, *(name for name, _ in _ancestors(modules, one))]
    return any(of.fullmatch(name) for name in (names if of is _NONE else names[1:]))


def _runs(modules: dict[str, _Module], one: _Class) -> bool:
    for each in (one, *(base for _, base in _ancestors(modules, one) if base is not None)):
        for node in each.node.body:
            if isinstance(node, ast.FunctionDef) and node.name in _RUNS:
                return each.full != "moto.ec2.models.instances:Instance"
    return False


def _used_by(modules: dict[str, _Module], one: _Class) -> Iterator[_Class]:
    """Yield the classes of which objects of this one hold objects, as far as its source says."""
    yield from (base for _, base in _ancestors(modules, one) if base is not None)
    for node in ast.walk(one.node):
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            named = [node.value, *([node.annotation] if isinstance(node, ast.AnnAssign) else [])]
            for part in filter(None, named):
                for inner in ast.walk(part):
                    if isinstance(inner, ast.Name):
                        found = _resolved(modules, one.module, inner.id)
                        if found is not None:
                            yield found


if __name__ == "__main__":
    LIST.write_text(json.dumps(record_classes(), indent=1) + "\n")
