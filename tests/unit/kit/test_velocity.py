"""Velocity templates: what they see, and where they end."""

from __future__ import annotations

from typing import Any

import pytest
from airspeed import Template, TemplateError  # type: ignore[import-untyped]

from local_aws import velocity
from websocket_gateway.core.mapping import MappingFailed, render
from websocket_gateway.core.selection import Scope

velocity.restrict()
BODY = '{"text": "Some Text", "list": [3, 1, 2], "map": {"b": 1, "a": {"c": null}}}'


def rendered(template: str, payload: str = BODY) -> str:
    return render(template, Scope(body=payload, context={"stage": "dev", "map": {"a": 1}}), payload)


@pytest.mark.parametrize(
    "expression",
    [
        "$input.json.__globals__",
        "$input.json.__globals__.get('orjson')",
        "$input.json.__code__.co_consts",
        "$input.__class__.__mro__",
        "$input.body.__class__",
        "$input.body.format('{0.__class__}')",
        "$input.body.encode('utf-8')",
        "$input.path('$.list').__len__()",
        "$input.path('$.map').__class__",
        "$input.path('$.list').append",
        "$input.path('$.list').sort()",
        "$input.path('$.list')[0].__class__",
        "$input.path('$.list')[0].real",
        "$input.path('$.list').size.func",
        "$context.get.__self__",
        "$context.get.args",
        "$context.pop('stage')",
        "$util.parseJson.__globals__",
        "$util.__class__",
        "$foreach.__class__",
        "$context['__class__']",
        "#set($m = $input.json)$m",
        "#set($m = $input.json)$m.__globals__",
        "#define($d)x#end$d.__class__",
        "#macro(m $x)$x.__class__#end#m($input.json)",
    ],
)
def test_a_template_reaches_values_and_no_object(expression: str) -> None:
    try:
        told = rendered(expression)
    except MappingFailed as failed:
        told = str(failed)
    for word in ("<class", "<function", "<built", "module", "object at", "functools", "partial("):
        assert word not in told.replace(expression, ""), told
    assert (
        told.replace(expression, "") in ("", "x") or "no method" in told or "error" in told.lower()
    )


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("$input.path('$.text').toLowerCase().replace(' ', '-')", "some-text"),
        ("$input.path('$.text').replaceAll('(\\w)ome', '<$1>')", "<S> Text"),
        ("$input.path('$.text').replaceAll('e', '\\$1')", "Som$1 T$1xt"),
        ("$input.path('$.text').replaceAll(' ', '\\$')", "Some$Text"),
        ("$input.path('$.text').replaceAll('[ ]', '\\$')", "Some$Text"),
        ("$input.path('$.text').length()", "9"),
        ("$input.path('$.text').substring(5)", "Text"),
        ("$input.path('$.text').split(' ').get(1)", "Text"),
        ("$input.path('$.text').matches('S.*')", "true"),
        ("$input.path('$.list').size()", "3"),
        ("$input.path('$.list').contains(1)", "true"),
        ("#set($l = [])#set($_ = $l.add('x'))$l.get(0)", "x"),
        ("$input.path('$.map').keySet()", "['b', 'a']"),
        ("$input.path('$.map').containsKey('a')", "true"),
        ("#foreach($e in $input.path('$.map').entrySet())$e.key;#end", "b;a;"),
        ("$input.path('$.map.a')", "{c=None}"),
        ("#foreach($i in [1..3])$i$foreach.hasNext;#end", "1true;2true;3false;"),
        ("#if($input.path('$.list')[0] > 2)yes#end", "yes"),
        ("#set($n = 2 * 3 + 1)$n", "7"),
        ("#set($s = 'a' + 1)$s", "a1"),
        ("$util.escapeJavaScript($input.json('$.map.b'))", "1"),
        ("$context.stage $context.get('stage')", "dev dev"),
        ("#macro(m $x)[$x]#end#m('a')#m('b')", "[a][b]"),
    ],
)
def test_values_have_the_methods_that_java_gives_them(template: str, text: str) -> None:
    assert rendered(template) == text


@pytest.mark.parametrize(
    "template",
    [
        "#foreach($i in [1..1000000000])#end",
        "#foreach($i in [1..2000])#end",
        "#foreach($a in [1..999])#foreach($b in [1..999])#end#end",
        "#set($s = 'x' * 1000000000)$s",
        "#set($s = '%1000000000d' % 5)$s",
        "#set($s = 'xxxxxxxxxxxxxxxx')#foreach($i in [1..40])#set($s = \"$s$s\")#end",
        "#set($s = 'xxxxxxxxxxxxxxxx')#foreach($i in [1..40])#set($s = $s + $s)#end",
        "#set($s = 'xxxxxxxxxxxxxxxx')#foreach($i in [1..40])#set($s = $s.concat($s))#end",
        "#set($s = 'xx')#foreach($i in [1..40])#set($s = $s.replaceAll('x', 'xxxx'))#end",
        "#set($s = 'xx')#foreach($i in [1..40])#set($s = $s.replaceAll('[x]', 'xxxx'))#end",
        "#set($s = 'xx')#foreach($i in [1..40])#set($s = $s.replace('x', 'xxxx'))#end",
        "#set($s = 'xx')#foreach($i in [1..40])#set($s = $s.replace('', 'xxxx'))#end",
        "#set($n = 7)#foreach($i in [1..90])#set($n = $n * $n)#end",
        "#set($l = [1])#foreach($i in [1..60])#set($l = [$l, $l])#end$l",
        "#set($l = [1])#foreach($i in [1..60])#set($l = [$l, $l])#end$util.escapeJavaScript($l)",
        '#set($l = [1])#foreach($i in [1..60])#set($l = [$l, $l])#end"$l.toString()"',
        "#set($l = [1])#set($k = [1])#foreach($i in [1..60])#set($l = [$l, $l])"
        "#set($k = [$k, $k])#end#if($l == $k)x#end",
        "#set($l = [1])#foreach($i in [1..60])#set($_ = $l.addAll($l))#end",
        "#macro(m)#m()#end#m()",
        "#evaluate($input.body)",
        "$input.body.matches('(?=S)(.*)')",
        "#set($l = [])#set($_ = $l.add($l))$l",
    ],
)
@pytest.mark.timeout(20)
def test_what_has_no_end_is_ended(template: str) -> None:
    with pytest.raises(MappingFailed, match="the mapping template failed"):
        rendered(template)


@pytest.mark.timeout(20)
def test_an_expression_takes_no_longer_than_its_text_is_long() -> None:
    text = "x" * 100_000
    assert rendered("$input.body.matches('(x|xx)*[yz]')", text) == "false"
    assert rendered("$input.body.replaceAll('(x|x)*(x|xx)*$', '-')", text) == "--"


def test_a_template_changes_nothing_but_its_own_text() -> None:
    scope = Scope(body=BODY, context={"authorizer": {"principalId": "ann"}})
    told = render("#set($context.authorizer.principalId = 'bob')$context.authorizer", scope, BODY)
    assert "bob" in told
    assert scope.context == {"authorizer": {"principalId": "ann"}}


def test_templates_of_rest_apis_see_what_is_named_of_input_and_util() -> None:
    from localstack.services.apigateway.next_gen.execute_api.template_mapping import (
        ApiGatewayVtlTemplate,
    )

    from local_cloud.engine.rest_apis.templates import restrict_templates

    restrict_templates()

    def told(template: str) -> Any:
        variables: Any = {
            "input": {
                "body": BODY,
                "params": {"path": {"p": "1"}, "querystring": {}, "header": {}},
            },
            "context": {"requestOverride": {}, "responseOverride": {}, "stage": "dev"},
        }
        return ApiGatewayVtlTemplate().render_request(template, variables, {})[0]

    assert told("$input.json('$.map.b') $input.params('p') $context.stage") == "1 1 dev"
    assert told("$input.path('$.list').size() $util.urlEncode('a b')") == "3 a+b"
    assert told("$util.base64Decode($util.base64Encode('a'))") == "a"
    assert told('$util.parseJson(\'{"a": {"b": 1}}\').a.b') == "1"
    for template in (
        "$input.json.__globals__",
        "$util.__class__",
        "$input.value",
        "$context.clear",
    ):
        assert told(template) == ""
    with pytest.raises(TemplateError):
        told("#foreach($a in [1..999])#foreach($b in [1..999])#end#end")


def test_a_template_without_a_namespace_is_text() -> None:
    assert Template("a $b").merge({}) == "a "
