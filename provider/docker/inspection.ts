import { setTimeout as pause } from "node:timers/promises";
import { type Binding, bind } from "../../lab/bind";
import type { Lab, Seconds } from "../../lab/model";
import { podAddress, podRouters } from "../../lab/pods";
import type { Finding } from "../../lab/rules/findings";
import { predict } from "../../routing/predict";
import type { Prediction } from "../../routing/prediction";
import type { Check, CheckResult, SessionCheck } from "../../verify/check";
import { inReadingOrder } from "../../verify/describe";
import { planAgentSessions, planChecks } from "../../verify/plan";
import { readyChecks } from "../../verify/readiness";
import { verify } from "../../verify/run";
import type { DockerVerificationInputs } from "../schema";
import { type ClusterReader, clusterReader } from "./cluster";
import { dockerDriver, type PodPlace, type ProbePlace } from "./driver";
import { engine } from "./engine";
import { inSeconds } from "./seconds";
import { type Shells, shellsOf } from "./shells";

/** Milliseconds between two looks: each starts processes in containers, and they take them from what is awaited. */
export const lookInterval = 250;

/** Where a lab in Docker is. */
export type LabInDocker = Pick<DockerVerificationInputs, "containers" | "probes" | "controlPlane"> & {
    readonly model: unknown;
};

/** Seconds from the start of a verification. */
export interface Timings {
    /** Until what the cluster chose was bound into the model. */
    readonly observation: Seconds;
    /** Until all sessions were established. */
    readonly sessions: Seconds;
    /** Until a service first answered. */
    readonly firstAnswer: Seconds;
    /** Until every check held. */
    readonly total: Seconds;
}

/** What a verification saw. */
export interface Inspection {
    /** In reading order. */
    readonly results: readonly CheckResult[];
    readonly timings: Timings;
}

/** Runs something with shells in a lab's containers, which are closed after it. */
export async function withShells<T>(work: (shells: Shells) => Promise<T>): Promise<T> {
    const shells = shellsOf(await engine());
    try {
        return await work(shells);
    } finally {
        shells.close();
    }
}

/** Who chooses beside Kubernetes what the lab has to know. */
export function chooserOf(lab: Lab): "calico" | "cilium" | undefined {
    if (lab.cluster.calico !== undefined) {
        return "calico";
    }
    return podRouters(lab).length > 0 ? "cilium" : undefined;
}

async function attempt(lab: Lab, reader: ClusterReader): Promise<Binding | Error> {
    try {
        return bind(lab, await reader.observe(chooserOf(lab)));
    } catch (error) {
        return error as Error;
    }
}

/**
 * The lab with what its cluster chose. Pods that are on their way out, or have no address yet, are waited for.
 *
 * @throws Error when the cluster does not answer
 */
async function bindWithin(lab: Lab, reader: ClusterReader, deadline: number): Promise<Binding> {
    for (;;) {
        const binding = await attempt(lab, reader);
        const isLate = performance.now() >= deadline;
        if (!(binding instanceof Error) && (binding.kind === "bound" || isLate)) {
            return binding;
        }
        if (isLate) {
            throw binding;
        }
        await pause(lookInterval);
    }
}

/** What is other than the lab has it, as failed checks. */
function unboundResults(findings: readonly Finding[], milliseconds: number): readonly CheckResult[] {
    return findings.map(({ id, at, says, fix }) => ({
        check: { kind: "binding", at },
        subject: at,
        expected: "as the lab has it",
        observed: `${says} (${id}); fix: ${fix}`,
        status: "fail",
        milliseconds: Math.round(milliseconds),
    }));
}

/** Sessions as the agents of Cilium's control plane see them; the speakers of other programs are asked through the routers. */
function agentChecks(lab: Lab, prediction: Prediction): readonly SessionCheck[] {
    const { cilium } = lab.cluster;
    return cilium === undefined || cilium.metallbBgp !== undefined ? [] : planAgentSessions(lab, prediction);
}

/** From where devices ask, and pods, each in the container of its node. */
function probePlaces(lab: Lab, probes: Readonly<Record<string, string>>): Readonly<Record<string, ProbePlace>> {
    const devices = Object.entries(probes).map(([name, container]) => [name, { container }] as const);
    const pods = lab.cluster.workloads.flatMap((workload) =>
        workload.pods.flatMap(({ name, node, addresses: [pod] }) =>
            pod === undefined ? [] : [[name, { container: node, pod }] as const],
        ),
    );
    return Object.fromEntries([...devices, ...pods]);
}

/** Where the routers in pods are. */
export function podPlaces(lab: Lab): Readonly<Record<string, PodPlace>> {
    const places = podRouters(lab).flatMap(({ name, pod, router }) => {
        const address = podAddress(router, "ipv4") ?? podAddress(router, "ipv6");
        return address === undefined ? [] : [[name, { container: pod.node, pod: address }] as const];
    });
    return Object.fromEntries(places);
}

function checksOf(lab: Lab, hasCluster: boolean): readonly Check[] {
    const prediction = predict(lab);
    const ofCluster = hasCluster ? [...Object.values(readyChecks(lab)), ...agentChecks(lab, prediction)] : [];
    return inReadingOrder([...ofCluster, ...planChecks(lab, prediction)]);
}

/** When the last check of some kind held, or the first. */
function momentOf(results: readonly CheckResult[], kind: Check["kind"], which: "first" | "last"): number {
    const moments = results.filter(({ check }) => check.kind === kind).map(({ milliseconds }) => milliseconds);
    if (moments.length === 0) {
        return 0;
    }
    return which === "first" ? Math.min(...moments) : Math.max(...moments);
}

/**
 * Looks whether a lab in Docker is as predicted: binds what its cluster chose into the model, predicts its routes, and
 * checks sessions, routes, conditions and traffic until all hold or the deadline has passed.
 *
 * @param only which checks are run @default all
 * @returns results of the checks, or what of the cluster is other than the lab has it: then nothing can be predicted
 * @throws Error when the cluster does not answer
 */
export function inspectLab(
    { model, containers, probes = {}, controlPlane }: LabInDocker,
    deadlineSeconds: Seconds,
    only: (check: Check) => boolean = () => true,
): Promise<Inspection> {
    return withShells(async (shells) => {
        const start = performance.now();
        const lab = model as Lab;
        const reader = controlPlane === undefined ? undefined : clusterReader(shells, controlPlane);
        const binding = reader && (await bindWithin(lab, reader, start + deadlineSeconds * 1_000));
        const observation = performance.now() - start;
        if (binding?.kind === "unbound") {
            const total = inSeconds(observation);
            const timings = { observation: total, sessions: total, firstAnswer: total, total };
            return { results: unboundResults(binding.findings, observation), timings };
        }
        const bound = binding?.lab ?? lab;
        const driver = dockerDriver({
            shells,
            containers,
            pods: podPlaces(bound),
            probes: probePlaces(bound, probes),
            ...(reader ? { cluster: { reader, ciliumVersion: lab.cluster.cilium?.version } } : {}),
        });
        const results = await verify(checksOf(bound, reader !== undefined).filter(only), driver, {
            deadlineSeconds: Math.max(0, deadlineSeconds - observation / 1_000),
            interval: lookInterval,
        });
        const since = (milliseconds: number) => inSeconds(observation + milliseconds);
        return {
            results,
            timings: {
                observation: inSeconds(observation),
                sessions: since(momentOf(results, "session", "last")),
                firstAnswer: since(momentOf(results, "service", "first")),
                total: inSeconds(performance.now() - start),
            },
        };
    });
}
