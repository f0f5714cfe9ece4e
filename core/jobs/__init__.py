"""Work in the background: queued jobs in steps, and jobs that are due every so often."""

from __future__ import annotations

from core.jobs.queue import JobStatus, cancel_job, queue_job, read_job
from core.jobs.worker import Worker, run_due_jobs, run_queued_jobs

__all__ = ["JobStatus", "Worker", "cancel_job", "queue_job", "read_job", "run_due_jobs", "run_queued_jobs"]
