"""A TCP proxy that loses answers: what was asked is done, and who asked never hears of it."""

from __future__ import annotations

import asyncio
import random
import threading
from types import TracebackType
from urllib.parse import urlsplit


class LossyProxy:
    """Passes bytes on to `url`; with probability `loss` an answer ends the connection instead.

    >>> with LossyProxy("http://127.0.0.1:8000", loss=0.2) as proxy:
    ...     connect_to(proxy.port)
    """

    def __init__(self, url: str, loss: float, seed: int = 0) -> None:
        address = urlsplit(url)
        self._host, self._upstream = str(address.hostname), int(address.port or 80)
        self._loss = loss
        self._dice = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self.port = 0
        self.lost = 0

    def __enter__(self) -> LossyProxy:
        self._thread.start()
        future = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)
        self._server = future.result(timeout=10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _close(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            server, to_server = await asyncio.open_connection(self._host, self._upstream)
        except OSError:
            to_client.close()
            return
        asking = asyncio.create_task(self._pass_on(client, to_server, loss=0))
        try:
            await self._pass_on(server, to_client, loss=self._loss)
        finally:
            asking.cancel()
            to_server.close()
            to_client.close()

    async def _pass_on(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, loss: float
    ) -> None:
        try:
            while data := await source.read(65536):
                if self._dice.random() < loss:
                    self.lost += 1
                    return
                target.write(data)
                await target.drain()
        except OSError:
            return
