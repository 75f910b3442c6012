"""A function that logs all there is to log of its secrets, by every logger, at DEBUG."""

import logging
import os

from core_backend import SecretError, async_handler, get_secrets

log = logging.getLogger("talker")
if "AWS_LAMBDA_LOG_LEVEL" not in os.environ:
    logging.getLogger().setLevel(logging.DEBUG)


@async_handler
async def handler(event, context):
    pending = get_secrets(*event["read"])
    log.debug("asked for %r: %r", pending, list(pending))
    values = []
    for one in pending:
        try:
            value = await one
        except SecretError as error:
            log.exception("there is none")
            log.debug("%s", error, extra={"error": repr(error)})
        else:
            values.append(value)
            log.debug("got %r of %r", value, one, extra={"value": repr(value)})
    if event.get("raise"):
        raise ValueError(f"{len(values)} values")
    return {"right": values[0] == os.environ["DETCEPXE"][::-1]}
