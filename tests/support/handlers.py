"""The source of handlers that tests run under the Lambda runtime client."""

ECHO = """
    import os

    print("loaded")

    def handler(event, context):
        print(f"got {event}")
        return {"event": event, "pid": os.getpid()}
"""
ENVIRONMENT = """
    import os, sys

    def handler(event, context):
        return {"env": dict(os.environ), "path": sys.path, "cwd": os.getcwd()}
"""
# Answers, or comes to the end that the event names.
ENDS = """
    import os, sys, time

    def handler(event, context):
        print("before", event)
        if event == "exit":
            os._exit(7)
        if event == "leave":
            sys.exit()
        if event == "kill":
            os.kill(os.getpid(), 9)
        if event == "hang":
            time.sleep(60)
        if event == "raise":
            raise ValueError("two\\nlines")
        return os.getpid()
"""
