import type { SilenceCheck } from "../lab/model";
import type { Check, PassageAnswers, ServiceAnswers } from "./check";
import { clientClause, counted } from "./describe";
import type { Answer, Driver, ObservedConnection } from "./driver";
import type { Sight } from "./sight";

/** Checks that send packets. */
export type ProbeCheck = Extract<Check, { kind: "service" | "pod" | "silence" | "passage" }>;

/** Requests that are sent at once: some for each pod that is missing, and not more than a small server takes. */
const perMissingPod = 2;
const most = 16;

/** Requests after which a pod that never answered is taken as not serving: the chance to miss one of n is (1 - 1/n)^(40 n). */
const requestsPerPod = 40;

/** Milliseconds that a request may take. */
const requestTimeout = 1_000;

/** Milliseconds that silence must last. Labs live on one machine, where an answer takes under a millisecond. */
const silenceTimeout = 250;

/** What a pod of the lab answers. */
interface PodAnswer {
    readonly pod: string;
    readonly client: string;
}

function podAnswer(body: string): PodAnswer | undefined {
    try {
        const parsed = JSON.parse(body) as Partial<PodAnswer>;
        return typeof parsed.pod === "string" && typeof parsed.client === "string" ? (parsed as PodAnswer) : undefined;
    } catch {
        return undefined;
    }
}

/** What is asked of the pods behind an address. */
type Question = Omit<ServiceAnswers, "kind">;

/** A sentence about what is wrong with an answer, or undefined when nothing is. */
function complaint(check: Question, answer: Answer): string | undefined {
    if (answer.kind !== "answer") {
        return `${answer.kind}${answer.detail === "" ? "" : ` (${answer.detail})`}`;
    }
    const parsed = answer.status === 200 ? podAnswer(answer.body) : undefined;
    if (!parsed) {
        return `HTTP ${answer.status} that is not a pod's answer`;
    }
    if (!check.pods.includes(parsed.pod)) {
        return `answered by ${parsed.pod}, which is not behind this address`;
    }
    const seen = check.clientAddresses.includes(parsed.client);
    if (check.clientAddress !== "any" && seen !== (check.clientAddress === "seen")) {
        return `${parsed.pod} sees ${seen ? "the client's address" : "another address"} ${parsed.client}`;
    }
    return undefined;
}

async function answers(check: Question, driver: Driver): Promise<Sight> {
    const missing = new Set(check.pods);
    let problem: string | undefined;
    let left = requestsPerPod * check.pods.length;
    while (missing.size > 0 && problem === undefined && left > 0) {
        const count = Math.min(left, most, perMissingPod * missing.size);
        left -= count;
        for (const answer of await driver.http(check.from, check.address, check.port, count, requestTimeout)) {
            problem ??= complaint(check, answer);
            missing.delete((answer.kind === "answer" && podAnswer(answer.body)?.pod) || "");
        }
    }
    if (problem !== undefined) {
        return { holds: false, observed: problem };
    }
    if (missing.size > 0) {
        return { holds: false, observed: `no answer from ${[...missing].join(", ")}` };
    }
    return { holds: true, observed: `${counted(check.pods)} answered${clientClause(check)}` };
}

async function silence(check: SilenceCheck, driver: Driver): Promise<Sight> {
    const answer =
        check.probe.kind === "ping"
            ? await driver.ping(check.from, check.address, silenceTimeout)
            : await driver.connect(check.from, check.address, check.probe.port, silenceTimeout);
    const detail = "detail" in answer && answer.detail !== "" ? ` (${answer.detail})` : "";
    return {
        holds: answer.kind === "timeout",
        observed: answer.kind === "timeout" ? "silence" : `${answer.kind}${detail}`,
    };
}

function connectionKey({ client, clientPort }: ObservedConnection): string {
    return `${client} ${clientPort}`;
}

/** A client's connections to a virtual server that each Pod has seen both ways, by its name. */
async function passed(
    check: PassageAnswers,
    driver: Driver,
): Promise<ReadonlyMap<string, readonly ObservedConnection[]>> {
    const tracked = await Promise.all(
        check.through.map(async (pod) => {
            const connections = (await driver.tracked(pod)).filter(
                ({ client, address, port, isAssured }) =>
                    isAssured &&
                    address === check.address &&
                    port === check.port &&
                    check.clientAddresses.includes(client),
            );
            return [pod, connections] as const;
        }),
    );
    return new Map(tracked);
}

/**
 * Asks until every Pod has passed a connection that it had not before: connection tracking remembers those of minutes ago,
 * which say nothing about the way that packets take now.
 */
async function passage(check: PassageAnswers, driver: Driver): Promise<Sight> {
    const before = await passed(check, driver);
    const known = new Map([...before].map(([pod, all]) => [pod, new Set(all.map(connectionKey))]));
    const seen = new Map<string, ObservedConnection>();
    for (let left = requestsPerPod * check.through.length; left > 0; left -= most) {
        const answers = await driver.http(check.from, check.address, check.port, most, requestTimeout);
        const failed = answers.find(({ kind }) => kind !== "answer");
        if (failed !== undefined) {
            return { holds: false, observed: failed.kind };
        }
        for (const [pod, connections] of await passed(check, driver)) {
            const fresh = connections.find((connection) => known.get(pod)?.has(connectionKey(connection)) !== true);
            if (fresh !== undefined) {
                seen.set(pod, fresh);
            }
        }
        if (seen.size === check.through.length) {
            return { holds: true, observed: [...seen].map(describePassage).join("; ") };
        }
    }
    const missing = check.through.filter((pod) => !seen.has(pod));
    return { holds: false, observed: `no connection passed ${missing.join(", ")} in both directions` };
}

function describePassage([pod, { client, answering, answeredTo }]: readonly [string, ObservedConnection]): string {
    return `${pod} takes ${client} to ${answering}, which answers ${answeredTo}`;
}

/** Sends what a check asks for, once. */
export function probe(check: ProbeCheck, driver: Driver): Promise<Sight> {
    switch (check.kind) {
        case "service":
            return answers(check, driver);
        case "pod":
            return answers({ ...check, pods: [check.pod], clientAddress: "seen" }, driver);
        case "silence":
            return silence(check, driver);
        case "passage":
            return passage(check, driver);
    }
}
