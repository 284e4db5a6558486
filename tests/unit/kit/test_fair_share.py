"""Places are divided so that whoever takes many leaves some for the others."""

from __future__ import annotations

import asyncio

from local_aws.fair_share import FairQueue


async def taken(queue: FairQueue, name: str, count: int) -> list[asyncio.Future[None]]:
    """Take so many places, and return those that are not there yet."""
    turns = (queue.take(name) for _ in range(count))
    return [turn for turn in turns if turn is not None]


def test_one_alone_gets_most_places_and_another_one_finds_some() -> None:
    async def work() -> None:
        queue = FairQueue(100)
        assert len(await taken(queue, "greedy", 1000)) == 1000 - 80
        assert await taken(queue, "modest", 10) == []
        assert 0 < queue.free < 100

    asyncio.run(work())


def test_each_has_one_place_when_all_are_taken() -> None:
    async def work() -> None:
        queue = FairQueue(1)
        for name in "abc":
            assert len(await taken(queue, name, 2)) == 1

    asyncio.run(work())


def test_who_waits_is_let_in_in_the_order_in_which_they_came() -> None:
    async def work() -> list[int]:
        queue, order = FairQueue(2), list[int]()

        async def do(number: int) -> None:
            if (turn := queue.take("one")) is not None:
                await queue.wait("one", turn)
            order.append(number)
            await asyncio.sleep(0)
            queue.give_back("one")

        await asyncio.gather(*(do(number) for number in range(100)))
        assert queue.free == 2
        return order

    assert asyncio.run(work()) == list(range(100))


def test_who_leaves_while_waiting_keeps_no_place() -> None:
    async def work() -> None:
        queue = FairQueue(1)
        assert queue.take("one") is None

        async def wait() -> None:
            turn = queue.take("one")
            assert turn is not None
            await queue.wait("one", turn)

        for at_once in (False, True):
            task = asyncio.create_task(wait())
            await asyncio.sleep(0)
            if at_once:  # its turn has come, and it has not heard of it
                queue.give_back("one")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert queue.free == 1
        assert queue.take("one") is None

    asyncio.run(work())
