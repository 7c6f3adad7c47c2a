import { randomUUID } from "node:crypto";
import type { Duplex } from "node:stream";
import type { Exec } from "dockerode";
import type { ExecResult } from "../sandbox/protocol";

/** A shell in a container for many short commands: each takes a few milliseconds, where an exec takes a hundred. */
export interface Shell {
    /**
     * Runs one command; commands given while another one runs wait for it. Their standard input is empty.
     *
     * @param timeoutMilliseconds how long the command may take; then the shell is closed @default 10000
     * @throws Error when the shell is gone, or the command does not end in time
     */
    run(argv: readonly string[], timeoutMilliseconds?: number): Promise<ExecResult>;
    close(): void;
}

/** Streams of a process in a container, as the engine's frames number them. */
const outputs = { 1: "stdout", 2: "stderr" } as const;
type Output = (typeof outputs)[keyof typeof outputs];

/** Takes apart what the engine sends of a process without a terminal: frames of 8 bytes of header and their content. */
function demultiplexer(deliver: (output: Output, content: Buffer) => void): (chunk: Buffer) => void {
    let pending: Buffer[] = [];
    let length = 0;
    let needed = 8;
    return (chunk) => {
        pending.push(chunk);
        length += chunk.length;
        if (length < needed) {
            return;
        }
        let data = Buffer.concat(pending);
        while (data.length >= 8 && data.length >= 8 + data.readUInt32BE(4)) {
            const end = 8 + data.readUInt32BE(4);
            const output = outputs[data[0] as keyof typeof outputs];
            if (output) {
                deliver(output, data.subarray(8, end));
            }
            data = data.subarray(end);
        }
        pending = [data];
        length = data.length;
        needed = length < 8 ? 8 : 8 + data.readUInt32BE(4);
    };
}

function delay(milliseconds: number): Promise<void> {
    return new Promise((done) => setTimeout(done, milliseconds));
}

/** The engine may close the streams of a process a moment before it knows the exit code. */
async function exitCode(exec: Exec): Promise<number> {
    for (let wait = 2; ; wait *= 2) {
        const { Running, ExitCode } = await exec.inspect();
        if (!Running) {
            return ExitCode ?? -1;
        }
        await delay(Math.min(wait, 100));
    }
}

/**
 * Runs a process that was made ready, to its end.
 *
 * @param what for messages, e.g. `ip in router0`
 * @param timeoutSeconds how long it may take; after that it is left alone and the call fails
 */
export async function runExec(
    exec: Exec,
    what: string,
    stdin: string | undefined,
    timeoutSeconds: number,
): Promise<ExecResult> {
    const stream = await exec.start({ hijack: true, stdin: true });
    const received = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    const ended = new Promise<void>((done, fail) => {
        const timer = setTimeout(
            () => stream.destroy(new Error(`${what} did not end within ${timeoutSeconds} s`)),
            timeoutSeconds * 1_000,
        );
        stream.on(
            "data",
            demultiplexer((output, content) => received[output].push(content)),
        );
        stream.on("error", fail);
        stream.on("close", () => {
            clearTimeout(timer);
            done();
        });
    });
    stream.end(stdin);
    await ended;
    const [stdout, stderr] = [received.stdout, received.stderr].map((chunks) => Buffer.concat(chunks).toString());
    return { code: await exitCode(exec), stdout: stdout!, stderr: stderr! };
}

/** A word as the shell takes it. */
function quote(word: string): string {
    return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** What a stream has delivered and nobody has taken. */
class Unread {
    private text = "";

    add(content: Buffer): void {
        // Latin-1 keeps bytes apart, so that a character cut between two frames is whole again when it is read.
        this.text += content.toString("latin1");
    }

    /** What comes before a line that starts with the mark, and the rest of that line; nothing until it is there. */
    takeUntil(mark: string): readonly [before: string, rest: string] | undefined {
        const at = this.text.indexOf(mark);
        const end = at < 0 ? -1 : this.text.indexOf("\n", at);
        if (end < 0) {
            return undefined;
        }
        const before = Buffer.from(this.text.slice(0, at), "latin1").toString();
        const rest = this.text.slice(at + mark.length, end);
        this.text = this.text.slice(end + 1);
        return [before, rest];
    }
}

/** Drives a `sh` that was started with all its streams attached. */
export function shellOver(stream: Duplex, what: string): Shell {
    const unread = { stdout: new Unread(), stderr: new Unread() };
    let broken: Error | undefined;
    let arrived = () => {};
    let last: Promise<unknown> = Promise.resolve();

    const breakOff = (error: Error) => {
        broken ??= error;
        stream.destroy();
        arrived();
    };
    stream.on(
        "data",
        demultiplexer((output, content) => {
            unread[output].add(content);
            arrived();
        }),
    );
    stream.on("error", breakOff);
    stream.on("close", () => breakOff(new Error(`${what} ended`)));

    const answer = (mark: string) =>
        new Promise<ExecResult>((done, fail) => {
            let stdout: readonly [string, string] | undefined;
            let stderr: readonly [string, string] | undefined;
            arrived = () => {
                stdout ??= unread.stdout.takeUntil(mark);
                stderr ??= unread.stderr.takeUntil(mark);
                if (stdout && stderr) {
                    done({ code: Number(stdout[1]), stdout: stdout[0], stderr: stderr[0] });
                } else if (broken) {
                    fail(broken);
                }
            };
            arrived();
        });

    async function runOne(argv: readonly string[], timeout: number): Promise<ExecResult> {
        const mark = `${randomUUID()} `;
        const timer = setTimeout(
            () => breakOff(new Error(`${what}: ${argv.join(" ")} did not end within ${timeout} ms`)),
            timeout,
        );
        const command = argv.map(quote).join(" ");
        stream.write(`${command} </dev/null; printf '${mark}%d\\n' $?; printf '${mark}\\n' >&2\n`);
        try {
            return await answer(mark);
        } finally {
            clearTimeout(timer);
            arrived = () => {};
        }
    }

    return {
        run(argv, timeoutMilliseconds = 10_000) {
            const result = last.then(() => runOne(argv, timeoutMilliseconds));
            last = result.catch(() => {});
            return result;
        },
        close: () => {
            broken ??= new Error(`${what} was closed`);
            stream.end();
        },
    };
}
