/**
 * Probes from a container, with what every image of a client has: a shell, `curl` and `ping`.
 *
 * None of these tells an ICMP error from silence: since Linux 6.9 a TCP connection that is being made outlives it. The
 * kernel counts such errors for the whole container, so the counters before and after a probe tell. Where they moved while
 * other probes were under way, the probe is repeated alone.
 */

import type { Address } from "../../lab/model";
import type { Answer, Driver } from "../../verify/driver";
import type { ExecResult } from "../sandbox/protocol";
import { complaint } from "./shells";

/** Runs programs in a container, side by side. @param lane programs in one lane wait for each other */
export type Run = (argv: readonly string[], lane: number, timeoutMilliseconds: number) => Promise<ExecResult>;

/** Lanes of a container: probes that may be under way at once. */
const laneCount = 4;

/** Milliseconds that a program may take beyond what it waits for by itself. */
const grace = 5_000;

/** Between an answer's body and what curl says of it, and after that: no answer of a pod has these characters. */
const [unitEnd, recordEnd] = ["\u001e", "\u001f"];

/** Exit codes of curl (curl.1): could not connect, timed out, empty answer. */
const curlExits = { connect: 7, timeout: 28, empty: 52 } as const;
const connectExits: readonly number[] = [curlExits.connect, curlExits.timeout];

function url(scheme: "http" | "telnet", address: Address, port: number): string {
    return `${scheme}://${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/**
 * The command that makes some GETs one after the other, each over a connection of its own, and ends with the first that
 * fails: one process, because starting it takes longer than a request.
 */
export function httpCommand(
    address: Address,
    port: number,
    count: number,
    timeoutMilliseconds: number,
): readonly string[] {
    return [
        "curl",
        "--silent",
        "--globoff",
        "--fail-early",
        "--max-time",
        String(timeoutMilliseconds / 1_000),
        "--header",
        "Connection: close",
        "--write-out",
        `${unitEnd}%{exitcode} %{http_code}${recordEnd}`,
        ...Array.from({ length: count }, () => `${url("http", address, port)}/`),
    ];
}

/** What one of the GETs gave: an answer, or curl's exit code. */
export type HttpOutcome = Extract<Answer, { kind: "answer" }> | { readonly kind: "failed"; readonly exit: number };

/** Takes apart what {@link httpCommand} printed. */
export function parseHttp(output: string): readonly HttpOutcome[] {
    return output
        .split(recordEnd)
        .slice(0, -1)
        .map((record): HttpOutcome => {
            const [body = "", result = ""] = record.split(unitEnd);
            const [exit, status] = result.split(" ").map(Number);
            return exit === 0 ? { kind: "answer", status: status ?? 0, body } : { kind: "failed", exit: exit ?? -1 };
        });
}

/** A line between the parts of a probe's output. */
const divider = "--bgp-lab--";

/** Runs a probe between two looks at the counters of ICMP errors. */
const probeScript = `
count() { cat /proc/net/snmp /proc/net/snmp6 2>/dev/null; echo ${divider}; }
count
"$@" 2>&1
echo "${divider}$?"
count`;

function connectCommand(address: Address, port: number, timeoutMilliseconds: number): readonly string[] {
    const seconds = String(timeoutMilliseconds / 1_000);
    return [
        "curl",
        "-gsv",
        "--max-time",
        seconds,
        "--write-out",
        "connections=%{num_connects}\n",
        url("telnet", address, port),
    ];
}

function pingCommand(address: Address, timeoutMilliseconds: number): readonly string[] {
    return ["ping", "-n", "-c", "1", "-W", String(timeoutMilliseconds / 1_000), address];
}

/** ICMP errors that a container has received (RFC 792, RFC 4443). */
interface IcmpErrors {
    readonly timeExceeded: number;
    readonly unreachable: number;
}

/** /proc/net/snmp has a line of names and one of numbers; /proc/net/snmp6 a name and a number in each line. */
function icmpErrors(counters: string): IcmpErrors {
    const [names = "", numbers = ""] = counters.match(/^Icmp:.*$/gm) ?? [];
    const column = (name: string) => Number(numbers.split(" ")[names.split(" ").indexOf(name)] ?? 0);
    const line = (name: string) => Number(new RegExp(`^${name}\\s+(\\d+)$`, "m").exec(counters)?.[1] ?? 0);
    return {
        timeExceeded: column("InTimeExcds") + line("Icmp6InTimeExcds"),
        unreachable: column("InDestUnreachs") + line("Icmp6InDestUnreachs"),
    };
}

/** A probe's output with the ICMP errors that came while it was under way. */
export interface ProbeOutput {
    readonly code: number;
    readonly text: string;
    readonly errors: IcmpErrors;
}

/** Takes apart what a probe printed between two looks at the counters. */
export function parseProbe(output: string): ProbeOutput {
    const [before = "", text = "", after = ""] = output.split(divider);
    const [code = ""] = after.split("\n", 1);
    const [start, end] = [icmpErrors(before), icmpErrors(after)];
    return {
        code: Number(code),
        text: text.trim(),
        errors: {
            timeExceeded: end.timeExceeded - start.timeExceeded,
            unreachable: end.unreachable - start.unreachable,
        },
    };
}

/** Who sent an ICMP error, where ping says so. */
function sender(text: string): string {
    const from = /^From (\S+?):? /m.exec(text)?.[1];
    return from === undefined ? "" : `from ${from}`;
}

function icmpAnswer({ errors, text }: ProbeOutput): Answer | undefined {
    if (errors.timeExceeded > 0) {
        return { kind: "ttl-exceeded", detail: sender(text) };
    }
    return errors.unreachable > 0 ? { kind: "unreachable", detail: sender(text) } : undefined;
}

/** What `curl -v` says of a connection: for failures it quotes the C library, and libraries differ in their words. @throws Error when curl is of no use */
export function connectAnswer(probe: ProbeOutput): Answer {
    if (/^connections=1$/m.test(probe.text)) {
        return { kind: "answer", status: 0, body: "" };
    }
    if (/refused/i.test(probe.text)) {
        return { kind: "refused", detail: "" };
    }
    if (!connectExits.includes(probe.code)) {
        throw new Error(`curl cannot connect: ${probe.text.slice(-300)}`);
    }
    const local = /(No route to host|\S+ (?:is )?unreachable)/i.exec(probe.text)?.[1];
    return icmpAnswer(probe) ?? { kind: local ? "unreachable" : "timeout", detail: local ?? "" };
}

/** What ping says, of iputils or BusyBox. @throws Error when it did not get so far as to send anything */
export function pingAnswer(probe: ProbeOutput): Answer {
    const from = /bytes from (\S+?):? /.exec(probe.text)?.[1];
    if (from !== undefined) {
        return { kind: "answer", status: 0, body: from };
    }
    const local = /(Network (?:is )?unreachable)/i.exec(probe.text)?.[1];
    if (local === undefined && !probe.text.includes("packets transmitted")) {
        throw new Error(`ping cannot ask: ${probe.text.slice(-300)}`);
    }
    return icmpAnswer(probe) ?? { kind: local ? "unreachable" : "timeout", detail: local ?? "" };
}

/** Lets tasks run side by side in a few lanes, or one of them alone. */
function lanes() {
    const free = Array.from({ length: laneCount }, (_, lane) => lane);
    const waiting: (() => void)[] = [];
    let begun = 0;
    let exclusive: Promise<unknown> = Promise.resolve();

    async function take(): Promise<number> {
        while (free.length === 0) {
            await new Promise<void>((done) => waiting.push(done));
        }
        return free.pop()!;
    }

    function give(taken: readonly number[]): void {
        free.push(...taken);
        for (const wake of waiting.splice(0)) {
            wake();
        }
    }

    async function takeAll(): Promise<readonly number[]> {
        const taken: number[] = [];
        while (taken.length < laneCount) {
            taken.push(await take());
        }
        return taken;
    }

    async function runAlone<T>(task: (lane: number) => Promise<T>): Promise<T> {
        const taken = await takeAll();
        try {
            return await task(taken[0]!);
        } finally {
            give(taken);
        }
    }

    return {
        /** Runs a task beside others. @returns its result, and whether no other was under way at any time of it */
        async beside<T>(task: (lane: number) => Promise<T>): Promise<readonly [result: T, wasAlone: boolean]> {
            const lane = await take();
            const own = ++begun;
            const startedAlone = free.length === laneCount - 1;
            try {
                const result = await task(lane);
                return [result, startedAlone && begun === own];
            } finally {
                give([lane]);
            }
        },
        /** Runs a task when no other is under way. Two that wait for it at once would each hold lanes of the other. */
        alone<T>(task: (lane: number) => Promise<T>): Promise<T> {
            const result = exclusive.then(() => runAlone(task));
            exclusive = result.catch(() => {});
            return result;
        },
    };
}

/** Probes from one container. */
export type Prober = {
    readonly [K in "http" | "ping" | "connect"]: Driver[K] extends (from: string, ...rest: infer Rest) => infer Result
        ? (...rest: Rest) => Result
        : never;
};

/** Probes from the container in which `run` runs programs. */
export function prober(run: Run): Prober {
    const { beside, alone } = lanes();

    async function probe(argv: readonly string[], timeoutMilliseconds: number): Promise<ProbeOutput> {
        const task = async (lane: number) => {
            const { stdout } = await run(
                ["sh", "-c", probeScript, "probe", ...argv],
                lane,
                timeoutMilliseconds + grace,
            );
            return parseProbe(stdout);
        };
        const [output, wasAlone] = await beside(task);
        const isClear = wasAlone || (output.errors.timeExceeded === 0 && output.errors.unreachable === 0);
        return isClear ? output : alone(task);
    }

    async function connect(address: Address, port: number, timeoutMilliseconds: number): Promise<Answer> {
        return connectAnswer(await probe(connectCommand(address, port, timeoutMilliseconds), timeoutMilliseconds));
    }

    /** Why a request got no answer: curl says the same of different failures, a connection alone says more. */
    async function explain(exit: number, address: Address, port: number, timeoutMilliseconds: number): Promise<Answer> {
        if (exit === curlExits.connect || exit === curlExits.timeout) {
            const answer = await connect(address, port, timeoutMilliseconds);
            return answer.kind === "answer" ? { kind: "timeout", detail: "connected, but not answered" } : answer;
        }
        return {
            kind: "refused",
            detail: exit === curlExits.empty ? "closed without an answer" : `curl exit code ${exit}`,
        };
    }

    return {
        async http(address, port, count, timeoutMilliseconds) {
            const argv = httpCommand(address, port, count, timeoutMilliseconds);
            const [result] = await beside((lane) => run(argv, lane, count * timeoutMilliseconds + grace));
            const outcomes = parseHttp(result.stdout);
            if (outcomes.length === 0) {
                throw new Error(`curl cannot ask: ${complaint(result)}`);
            }
            return Promise.all(
                outcomes.map((outcome) =>
                    outcome.kind === "answer" ? outcome : explain(outcome.exit, address, port, timeoutMilliseconds),
                ),
            );
        },
        ping: async (address, timeoutMilliseconds) =>
            pingAnswer(await probe(pingCommand(address, timeoutMilliseconds), timeoutMilliseconds)),
        connect,
    };
}
