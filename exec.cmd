@rem package.json starts the broker with "exec", so that under Unix no shell keeps signals from it; Windows has no such command.
@%*
