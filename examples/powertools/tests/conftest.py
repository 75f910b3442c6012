import os

# Outside of Lambda there is no X-Ray daemon to send to. Read when a Tracer is made.
os.environ["POWERTOOLS_TRACE_DISABLED"] = "true"
