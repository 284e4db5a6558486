"""What users do wrong: each is answered, and nothing that was there is lost."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from local_cloud.client import AgentClient, ConnectionRefused, Message
from tests.stack import Stack, analyse, is_finished, within


def refused(stack: Stack, token: str) -> str:
    async def run() -> None:
        async with stack.connect(token):
            pass

    with pytest.raises(ConnectionRefused) as error:
        within(run())
    assert "401" in str(error.value)
    return str(error.value)


def claims_of(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return (
        jwt.get_unverified_header(token),
        jwt.decode(token, options={"verify_signature": False}),
    )


def test_nobody_connects_without_a_token(stack: Stack) -> None:
    async def run() -> None:
        async with AgentClient(stack.ports.websocket_url, ""):
            pass

    with pytest.raises(ConnectionRefused, match="401: Log in first"):
        within(run())


def test_a_forged_token_of_the_right_shape_is_refused(stack: Stack) -> None:
    header, claims = claims_of(stack.token())
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    forged = jwt.encode(claims, key, algorithm="RS256", headers={"kid": header["kid"]})
    assert "Signature verification failed" in refused(stack, forged)


def test_an_unsigned_token_is_refused(stack: Stack) -> None:
    _, claims = claims_of(stack.token())
    refused(stack, jwt.encode(claims, None, algorithm="none"))  # type: ignore[arg-type]


@pytest.mark.embedded("in Docker the signing key lies in a volume")
def test_an_expired_token_is_refused(stack: Stack) -> None:
    if stack.home is None:
        pytest.skip("needs the signing key of a stack that the tests started themselves")
    header, claims = claims_of(stack.token())
    claims["exp"] = int(time.time()) - 10
    expired = jwt.encode(
        claims,
        stack.home.signing_key.read_bytes(),
        algorithm="RS256",
        headers={"kid": header["kid"]},
    )
    assert "expired" in refused(stack, expired)


def test_a_token_of_another_pool_is_refused(stack: Stack) -> None:
    cognito = stack.aws("cognito-idp")
    pool = cognito.create_user_pool(PoolName="another")["UserPool"]["Id"]
    try:
        client = cognito.create_user_pool_client(
            UserPoolId=pool, ClientName="c", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
        )["UserPoolClient"]["ClientId"]
        cognito.admin_create_user(UserPoolId=pool, Username="eve", MessageAction="SUPPRESS")
        cognito.admin_set_user_password(
            UserPoolId=pool, Username="eve", Password="Correct-Horse-7", Permanent=True
        )
        token = cognito.initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=client,
            AuthParameters={"USERNAME": "eve", "PASSWORD": "Correct-Horse-7"},
        )["AuthenticationResult"]["AccessToken"]
        assert "issuer" in refused(stack, token)
    finally:
        cognito.delete_user_pool(UserPoolId=pool)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("not json", "InvalidMessage", "JSON"),
        ("[]", "InvalidMessage", "JSON object"),
        ("{}", "InvalidMessage", "action"),
        ('{"action": "fly"}', "UnknownAction", "fly"),
        ('{"action": "analyze", "dataset": "nsw"}', "InvalidMessage", "question"),
        ('{"action": "analyze", "question": "Why?"}', "InvalidMessage", "dataset"),
        ('{"action": "analyze", "question": "", "dataset": "nsw"}', "InvalidMessage", "question"),
        (
            '{"action": "analyze", "question": "Why?", "dataset": "../users/x"}',
            "InvalidMessage",
            "no dataset name",
        ),
        (
            '{"action": "analyze", "question": "Why?", "dataset": "nsw", "maxTurns": 0}',
            "InvalidMessage",
            "maxTurns",
        ),
        ('{"action": "status", "analysisId": "none"}', "AnalysisNotFound", "none"),
        ('{"action": "result"}', "InvalidMessage", "analysisId"),
    ],
)
def test_a_wrong_message_is_answered_and_the_connection_stays(
    stack: Stack, text: str, code: str, words: str
) -> None:
    async def run() -> None:
        async with stack.connect() as agent:
            await agent.socket.send(text)
            answer = await agent.receive()
            assert (answer["type"], answer["code"]) == ("error", code)
            assert words in answer["message"]
            await agent.send("ping", requestId="still there")
            assert (await agent.receive())["requestId"] == "still there"

    within(run())


def test_a_message_that_is_too_large_closes_the_connection(stack: Stack) -> None:
    async def run() -> int | None:
        async with stack.connect() as agent:
            question = "x" * 40_000
            await agent.send("analyze", question=question, dataset="nsw")
            await agent.socket.wait_closed()
            code: int | None = agent.socket.close_code
            return code

    assert within(run()) == 1009


CSV = {
    "empty": (b"", "DatasetUnusable", "is empty"),
    "blank": (b"\n\n\n", "DatasetUnusable", "is empty"),
    "prose": (b"Dear diary,\nit rained.\n", "DatasetUnusable", "without a name"),
    "one-column": (b"a\n1\n2\n", "DatasetUnusable", "two or more columns"),
    "binary": (b"\x89PNG\r\n\x1a\n\xff\xfe", "DatasetUnusable", "not CSV"),
    "twins": (b"a,a\n1,2\n", "DatasetUnusable", "two of one name"),
    "header-only": (b"treat,re78\n", "NotAnswerable", "no rows"),
    "one-value": (
        b"treat,re78\n" + b"".join(b"1,%d\n" % i for i in range(20)),
        "NotAnswerable",
        "one value in every row",
    ),
    "no-treatment": (
        b"dose,re78\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(20)),
        "NotAnswerable",
        "no treatment",
    ),
    "text-outcome": (
        b"treat,re78\n" + b"".join(b"%d,much\n" % (i % 2) for i in range(20)),
        "NotAnswerable",
        "no outcome",
    ),
    "missing": (
        b"treat,re78\n" + b"".join(b"%d,\n" % (i % 2) for i in range(18)) + b"0,1\n1,5\n",
        "NotAnswerable",
        "at least 10 are needed",
    ),
}


@pytest.mark.parametrize("name", CSV)
def test_a_dataset_that_cannot_be_used_ends_in_a_reason(stack: Stack, name: str) -> None:
    data, code, words = CSV[name]
    login = stack.new_user()
    dataset = stack.upload(login, name, data)

    async def run() -> list[Message]:
        async with stack.connect(stack.token(login)) as agent:
            question = "What did treat do to re78?"
            return await analyse(agent, dataset, question)

    finished = within(run())[-1]
    assert (finished["status"], finished["code"]) == ("FAILED", code)
    assert words in finished["summary"]


def test_rows_with_missing_values_are_left_out_and_counted(stack: Stack) -> None:
    rows = [b"%d,%d\n" % (i % 2, 100 + i) for i in range(40)]
    rows[3], rows[8] = b"1,\n", b",7\n"
    login = stack.new_user()
    dataset = stack.upload(login, "gaps", b"treat,re78\n" + b"".join(rows))

    async def run() -> list[Message]:
        async with stack.connect(stack.token(login)) as agent:
            return await analyse(agent, dataset, "What did treat do to re78?")

    messages = within(run())
    assert messages[-1]["status"] == "SUCCEEDED"
    outputs = [m["output"] for m in messages if m["type"] == "tool.finished"]
    assert next(o for o in outputs if "rows_dropped" in o)["rows_dropped"] == 2


@pytest.mark.parametrize("dataset", ["nowhere", "mine/nsw"])
def test_a_dataset_that_is_not_there_is_said(stack: Stack, dataset: str) -> None:
    async def run() -> list[Message]:
        async with stack.connect() as agent:
            return await analyse(agent, dataset)

    finished = within(run())[-1]
    assert (finished["status"], finished["code"]) == ("FAILED", "DatasetNotFound")
    assert dataset in finished["summary"]


def test_a_user_cannot_name_another_users_dataset(stack: Stack) -> None:
    owner = stack.new_user()
    stack.upload(owner, "secret", b"treat,re78\n1,2\n")

    async def run() -> list[Message]:
        async with stack.connect(stack.token(stack.new_user())) as agent:
            return await analyse(agent, "mine/secret")

    assert within(run())[-1]["code"] == "DatasetNotFound"


async def until(agent: AgentClient, wanted: str) -> Message:
    async for message in agent:
        if message["type"] == wanted:
            return message
    raise AssertionError(f"the connection ended before {wanted}")


def test_a_prompt_is_answered_once_and_by_its_name(stack: Stack) -> None:
    async def run() -> None:
        async with stack.connect() as agent:
            await agent.send("analyze", question="What did treat do to re78?", dataset="nsw")
            prompt = await until(agent, "prompt")
            reply = {"analysisId": prompt["analysisId"], "answer": "randomised"}
            await agent.send("reply", promptId="1.never-asked", **reply)
            assert (await until(agent, "error"))["code"] == "PromptNotOpen"
            await agent.send("reply", promptId=prompt["promptId"], **reply)
            await agent.send("reply", promptId=prompt["promptId"], **reply)
            assert (await until(agent, "error"))["code"] == "PromptNotOpen"
            assert (await until(agent, "finished"))["status"] == "SUCCEEDED"
            await agent.send("reply", promptId=prompt["promptId"], **reply)
            assert (await until(agent, "error"))["code"] == "PromptNotOpen"

    within(run())


def test_an_answer_that_names_no_column_is_asked_again(stack: Stack) -> None:
    answers = iter(["flying", "treat", "re78", "randomised"])

    async def run() -> list[Message]:
        async with stack.connect() as agent:
            return await analyse(agent, "nsw", "Well?", lambda prompt: next(answers))

    messages = within(run())
    asked = [m["question"] for m in messages if m["type"] == "prompt"]
    assert "'flying' is not in the dataset" in asked[1]
    assert messages[-1]["status"] == "SUCCEEDED"


def test_a_prompt_that_nobody_answers_times_out(stack: Stack) -> None:
    async def run() -> Message:
        async with stack.connect() as agent:
            await agent.send(
                "analyze",
                question="What did treat do to re78?",
                dataset="nsw",
                promptTimeoutSeconds=1,
            )
            prompt = await until(agent, "prompt")
            finished = await until(agent, "finished")
            await agent.send(
                "reply",
                analysisId=prompt["analysisId"],
                promptId=prompt["promptId"],
                answer="late",
            )
            assert (await until(agent, "error"))["code"] == "PromptNotOpen"
            return finished

    finished = within(run())
    assert (finished["status"], finished["code"]) == ("FAILED", "PromptTimedOut")


def test_another_users_analysis_cannot_be_seen_or_touched(stack: Stack) -> None:
    async def run() -> None:
        async with stack.connect() as owner, stack.connect(stack.token(stack.new_user())) as eve:
            await owner.send("analyze", question="What did treat do to re78?", dataset="nsw")
            prompt = await until(owner, "prompt")
            analysis = {"analysisId": prompt["analysisId"]}
            for action, fields in (
                ("status", {}),
                ("result", {}),
                ("resume", {}),
                ("cancel", {}),
                ("reply", {"promptId": prompt["promptId"], "answer": "observational"}),
            ):
                await eve.send(action, **analysis, **fields)
                assert (await eve.receive())["code"] == "AnalysisNotFound", action
            await eve.send("status")
            assert (await eve.receive())["analyses"] == []
            await owner.send("reply", **analysis, promptId=prompt["promptId"], answer="randomised")
            assert (await until(owner, "finished"))["status"] == "SUCCEEDED"

    within(run())


@pytest.mark.parametrize("when", ["prompt", "accepted"])
def test_a_cancelled_analysis_ends_and_stays_ended(stack: Stack, when: str) -> None:
    async def run() -> None:
        async with stack.connect() as agent:
            await agent.send("analyze", question="What did treat do to re78?", dataset="nsw")
            seen = await until(agent, when)
            analysis = {"analysisId": seen["analysisId"]}
            await agent.send("cancel", **analysis)
            finished = await until(agent, "finished")
            assert (finished["status"], finished["code"]) == ("CANCELLED", "Cancelled")
            await agent.send("cancel", **analysis)
            assert (await until(agent, "status"))["status"] == "CANCELLED"
            await agent.send("result", **analysis)
            assert (await until(agent, "result"))["status"] == "CANCELLED"

    within(run())


def test_more_turns_than_allowed_end_the_analysis(stack: Stack) -> None:
    async def run() -> list[Message]:
        async with stack.connect() as agent:
            return await analyse(agent, maxTurns=2)

    finished = within(run())[-1]
    assert (finished["status"], finished["code"]) == ("FAILED", "TurnLimitReached")
    assert "2 turns" in finished["summary"]


def test_the_same_request_twice_is_one_analysis(stack: Stack) -> None:
    async def run() -> None:
        login = stack.new_user()
        async with stack.connect(stack.token(login)) as agent:
            request = {"question": "What did treat do to re78?", "dataset": "nsw", "requestId": "7"}
            await agent.send("analyze", **request)
            first = await until(agent, "accepted")
            await agent.send("analyze", **request)
            await until(agent, "prompt")
            await agent.send("status")
            listed = (await until(agent, "status"))["analyses"]
            assert [a["analysisId"] for a in listed] == [first["analysisId"]]
            await agent.send("cancel", analysisId=first["analysisId"])
            await until(agent, "finished")

    within(run())


def test_a_result_is_not_ready_before_the_end_and_is_whole_after_it(stack: Stack) -> None:
    async def run() -> None:
        async with stack.connect() as agent:
            await agent.send("analyze", question="What did treat do to re78?", dataset="nsw")
            prompt = await until(agent, "prompt")
            analysis = {"analysisId": prompt["analysisId"]}
            await agent.send("result", **analysis)
            assert (await until(agent, "error"))["code"] == "ResultNotReady"
            await agent.send(
                "reply", **analysis, promptId=prompt["promptId"], answer="observational"
            )
            finished = (await agent.receive_until(is_finished))[-1]
            await agent.send("result", **analysis)
            result = await until(agent, "result")
            assert result["estimates"] == finished["estimates"]
            bucket, _, key = result["resultUri"].removeprefix("s3://").partition("/")
            body = stack.aws("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
            assert json.loads(body)["estimates"] == finished["estimates"]

    within(run())


def test_a_client_that_comes_back_misses_nothing(stack: Stack) -> None:
    async def run() -> None:
        token = stack.token()
        async with stack.connect(token) as agent:
            await agent.send("analyze", question="What did treat do to re78?", dataset="nsw")
            seen = await agent.receive_until(lambda message: message["type"] == "tool.started")
        analysis_id, last = seen[-1]["analysisId"], max(message["seq"] for message in seen)
        async with stack.connect(token) as agent:
            await agent.send("resume", analysisId=analysis_id, lastSeq=last)
            rest = await agent.receive_until(lambda message: message["type"] == "prompt")
            prompt = rest[-1]
            await agent.send(
                "reply", analysisId=analysis_id, promptId=prompt["promptId"], answer="randomised"
            )
            rest += await agent.receive_until(is_finished)
        numbers = {message["seq"] for message in [*seen, *rest]}
        assert numbers == set(range(1, max(numbers) + 1))

    within(run())


@pytest.mark.parametrize("pump", ["secret", "eyJ", "token ", '\\"', "://a:", "-----BEGIN ", "["])
def test_others_are_answered_while_a_message_is_read_that_is_made_to_be_slow(
    stack: Stack, pump: str
) -> None:
    size = 125_000
    text = f'{{"action": "ping", "m": "{pump * (size // len(pump))}"}}'
    frames = [text[at : at + 30_000] for at in range(0, len(text), 30_000)]
    before = stack.state().parts

    async def run() -> tuple[list[str], int]:
        async with stack.connect() as hostile, stack.connect() as other:
            for _ in range(3):
                await hostile.socket.send(frames)
            kinds = []
            for _ in range(5):
                await other.send("ping")
                kinds.append((await other.receive())["type"])
            return kinds, len([await hostile.receive() for _ in range(3)])

    # What took 22 seconds a message would not be done by then.
    assert within(run(), 20) == (["pong"] * 5, 3)
    assert stack.state().parts == before, "no part had to be started again"
