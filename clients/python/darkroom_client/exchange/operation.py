"""Operations that are written once, as coroutines, and called both ways.

``@operation`` marks a method that is a coroutine function, ``@stream`` one that returns an asynchronous
iterator. Called on an object of a ``Darkroom`` they return the result and an iterator; on one of an
``AsyncDarkroom`` an awaitable and an asynchronous iterator. On the class they are the plain functions, by
which operations call each other: ``await Client.wait(client, job)``.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from functools import update_wrapper
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from darkroom_client.exchange.http_transport import AsyncTransport, SyncTransport
from darkroom_client.exchange.session import Session
from darkroom_client.exchange.transport import Transport

M = TypeVar("M", bound=Transport)
S = TypeVar("S")
T = TypeVar("T")
P = ParamSpec("P")


class Bound(Generic[M]):
    """An object that belongs to a client; its operations run in that client's session."""

    __slots__ = ()
    _session: Session[M]


class operation(Generic[S, P, T]):  # noqa: N801 - a decorator
    """Method with one result."""

    def __init__(self, function: Callable[Concatenate[S, P], Coroutine[Any, Any, T]]) -> None:
        self._function = function

        def call(instance: Any, *arguments: Any, **named: Any) -> Any:
            function_of: Callable[..., Any] = function
            return instance._session.transport.run(function_of(instance, *arguments, **named))

        self._call = update_wrapper(call, function)  # with the signature and the text of the function

    @overload
    def __get__(
        self, instance: None, owner: type[Any]
    ) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, instance: Bound[SyncTransport], owner: type[Any]) -> Callable[P, T]: ...
    @overload
    def __get__(self, instance: Bound[AsyncTransport], owner: type[Any]) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, instance: Any, owner: type[Any]) -> Callable[..., Any]:
        """Return the method."""
        return self._function if instance is None else MethodType(self._call, instance)


class stream(Generic[S, P, T]):  # noqa: N801 - a decorator
    """Method that yields results as they come."""

    def __init__(self, function: Callable[Concatenate[S, P], AsyncIterator[T]]) -> None:
        self._function = function

        def call(instance: Any, *arguments: Any, **named: Any) -> Any:
            function_of: Callable[..., Any] = function
            return instance._session.transport.iterate(function_of(instance, *arguments, **named))

        self._call = update_wrapper(call, function)  # with the signature and the text of the function

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> Callable[Concatenate[S, P], AsyncIterator[T]]: ...
    @overload
    def __get__(self, instance: Bound[SyncTransport], owner: type[Any]) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, instance: Bound[AsyncTransport], owner: type[Any]) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, instance: Any, owner: type[Any]) -> Callable[..., Any]:
        """Return the method."""
        return self._function if instance is None else MethodType(self._call, instance)
