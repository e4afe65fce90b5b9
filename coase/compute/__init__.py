"""Jobs: specs, executors, the sandbox, verification, metering."""
