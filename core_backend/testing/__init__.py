"""Testing handlers: fakes, moto, and a Lambda on your desk. No function needs it at run time."""
