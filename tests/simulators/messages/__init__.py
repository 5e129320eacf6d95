"""A Messages API on the loopback interface: strict as the real one, scripted, and with its faults."""

from simulators.messages.answers import Answer, Block, text_answer, tool_answer
from simulators.messages.faults import Fault
from simulators.messages.policy import policy
from simulators.messages.served import served
from simulators.messages.server import MessagesServer, Request, Step

__all__ = [
    "Answer",
    "Block",
    "Fault",
    "MessagesServer",
    "Request",
    "Step",
    "policy",
    "served",
    "text_answer",
    "tool_answer",
]
