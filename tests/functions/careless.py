"""A function that logs its secrets in every way there is."""

import json
import logging

from core_backend import async_handler, get_secrets

log = logging.getLogger("careless")
log.setLevel(logging.INFO)


@async_handler
async def handler(event, context):
    plain, document = await get_secrets("plain", "document")
    password = json.loads(document)["password"]
    log.info("plain %s and %s", plain, password)
    log.info("document %s", {"parsed": json.loads(document)})
    log.info({"key": str(plain)}, extra={"header": f"Bearer {plain}"})
    try:
        raise ValueError(f"refused: {plain}") from KeyError(password)
    except ValueError:
        log.exception("failed")
    # What comes after all that is covered as well.
    late = logging.StreamHandler()
    logging.root.addHandler(late)
    log.warning("late %s", plain)
    logging.root.removeHandler(late)
    return len(plain)
