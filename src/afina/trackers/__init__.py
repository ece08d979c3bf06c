"""Trackers: where a finished run is sent, so that many runs can be followed in one place; off unless asked for.

Each has `NEEDS`, the modules of the extra of its own name, and `send(finished)`: one sentence that says where it can be
seen. A tracker is given records of a run that is over, so that it can disturb none. It reads the vendor's own
environment variables, keys from there alone, and leaves the environment as it was. Sending a run twice updates it.

There is no tracker for a folder: report.html, report.json and records/ stand in every run folder, and `afina compare`
reads several.
"""
