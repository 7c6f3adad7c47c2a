/** Drills on the Pods of a lab: what becomes of sessions, routes and requests while Pods come, go and change. */

import { setTimeout as pause } from "node:timers/promises";
import type { Lab, Milliseconds, Seconds } from "../lab/model";
import { afterEvent, parsePodEvent } from "../lab/pod-events";
import { podRouters } from "../lab/pods";
import { changePods } from "../provider/change-pods";
import { controllerLog, during, type Trouble, troubles } from "../provider/controller-trouble";
import { restore } from "../provider/drill";
import type { DrilledLab } from "../provider/drilled-lab";
import { predict } from "../routing/predict";
import type { Check, CheckResult } from "../verify/check";
import type { Driver } from "../verify/driver";
import { type Attempt, answeredAgain, type Target, watch } from "../verify/outage";
import { planChecks, planNodeChecks } from "../verify/plan";
import { columns, failures } from "../verify/report";
import { verify } from "../verify/run";
import { UsageError } from "./options";

/** One change of the Pods, with the lab that comes of it. */
interface PodStep {
    readonly event: string;
    readonly before: Lab;
    readonly after: Lab;
}

/** What a drill on Pods does. */
export interface PodPlan {
    readonly trouble?: Trouble;
    readonly steps: readonly PodStep[];
    readonly target?: Target;
}

/** What one change of the Pods showed. */
interface StepReport {
    readonly event: string;
    /**
     * From the change until the first request that was answered after one that was not; 0 when all were. Absent when none
     * was, as is to be expected when nobody is left who answers.
     */
    readonly firstAnswer?: Milliseconds;
    readonly isAnswerExpected: boolean;
    readonly requests: number;
    readonly unanswered: number;
    /** From the change until sessions, routes and kernels were as predicted. */
    readonly routing: Milliseconds;
    /** What is there and should not be any more, such as neighbors and kernel routes of Pods that are gone. */
    readonly leftBehind: readonly string[];
    readonly failed: readonly CheckResult[];
    /** What the controller said that it did. */
    readonly controller: readonly string[];
}

/** What a drill on Pods showed. */
interface PodDrillReport {
    readonly trouble?: Trouble;
    readonly target?: Target;
    readonly steps: readonly StepReport[];
    /** From the start of the repair until everything held again. */
    readonly restored: Milliseconds;
    readonly failed: readonly CheckResult[];
}

/** Seconds within which a lab must be found sound, before a drill and after each change of its Pods. */
const recovery: Seconds = 30;

/** Time for which the client asks before a change and after it. */
const quiet: Milliseconds = 500;

/** Time between two looks whether somebody answers. */
const patience: Milliseconds = 20;

/** Time for which trouble lasts. */
const troubled: Milliseconds = 2_000;

/** Whether a text speaks of Pods or their controller, and not of a fault of the network. */
export function isPodDrill(text: string): boolean {
    return /^(pod|workload|controller|api):/.test(text);
}

/**
 * Reads what a drill does: an event of Pods, trouble of the controller, or `<trouble>+<event>`. A workload is scaled several
 * times in a row by `workload:<name>:scaled:0,2,1`.
 *
 * @throws UsageError that says what there is
 */
export function parsePodDrill(lab: Lab, text: string): PodPlan {
    const [first = "", ...rest] = text.split("+");
    const found = troubles.find((each) => each === first);
    const event = found === undefined ? text : rest.join("+");
    if (found === undefined && /^(controller|api):/.test(first)) {
        throw new UsageError(`no trouble "${first}"; there are ${troubles.join(", ")}`);
    }
    return {
        ...(found === undefined ? {} : { trouble: found }),
        steps: event === "" ? [] : stepsOf(lab, event),
    };
}

function stepsOf(lab: Lab, text: string): readonly PodStep[] {
    const [, workload, counts = ""] = /^(workload:[^:]+:scaled:)(.*)$/.exec(text) ?? [];
    const events = workload === undefined ? [text] : counts.split(",").map((count) => `${workload}${count}`);
    const steps: PodStep[] = [];
    for (const event of events) {
        const before = steps.at(-1)?.after ?? lab;
        // A workload that was scaled to nothing is known of the lab as it was.
        const known = workload === undefined ? before : lab;
        steps.push({ event, before, after: afterEvent(before, parsePodEvent(known, event), lab) });
    }
    return steps;
}

/** The first client that asks one of the addresses at which Pods take connections. */
export function virtualTarget(lab: Lab): Target | undefined {
    const virtual = new Set(
        podRouters(lab).flatMap(({ router }) => (router.virtualServers ?? []).map(({ address }) => address)),
    );
    return lab.checks.flatMap((check) => (check.kind === "service" && virtual.has(check.address) ? [check] : []))[0];
}

/** Carries a drill on Pods out, and gives the lab its own Pods back. */
export async function podDrill(lab: DrilledLab, driver: Driver, plan: PodPlan): Promise<PodDrillReport> {
    const sound = allChecks(lab.model);
    const before = await verify(sound, driver, { deadlineSeconds: recovery });
    const wrong = failures(before);
    if (wrong !== "") {
        throw new Error(`the lab is not as predicted, so that a drill would show nothing:\n${wrong}`);
    }
    const reports: StepReport[] = [];
    let now = lab.model;
    try {
        const steps = plan.steps.length === 0 ? [{ event: "none", before: now, after: now }] : plan.steps;
        for (const step of steps) {
            now = step.after;
            reports.push(await takeStep(lab, driver, plan, step));
        }
    } finally {
        await changePods(lab, now, lab.model);
        await restore(lab);
    }
    const start = performance.now();
    const results = await verify(sound, driver, { deadlineSeconds: recovery });
    return {
        ...(plan.trouble === undefined ? {} : { trouble: plan.trouble }),
        ...(plan.target === undefined ? {} : { target: plan.target }),
        steps: reports,
        restored: Math.round(performance.now() - start),
        failed: results.filter(({ status }) => status === "fail"),
    };
}

function allChecks(lab: Lab): readonly Check[] {
    const prediction = predict(lab);
    return [...planChecks(lab, prediction), ...planNodeChecks(lab, prediction)];
}

async function takeStep(
    lab: DrilledLab,
    driver: Driver,
    { trouble, target }: PodPlan,
    { event, before, after }: PodStep,
): Promise<StepReport> {
    const checks = allChecks(after);
    const said = controllerLog(lab);
    const isAnswerExpected = target !== undefined && isAsked(after, target);
    const series = target && startSeries(driver, target);
    await pause(quiet);
    const start = performance.now();
    let attempts: readonly Attempt[] = [];
    let routing: readonly CheckResult[];
    let elapsed: Milliseconds;
    try {
        const change = () => changePods(lab, before, after);
        await (trouble === undefined ? change() : during(lab, trouble, change, troubled));
        elapsed = performance.now() - start;
        routing = await verify(checks.filter(isOfRouting), driver, { deadlineSeconds: recovery });
        if (isAnswerExpected) {
            await answered(driver, target);
        }
        await pause(quiet);
    } finally {
        attempts = (await series?.stop(start)) ?? [];
    }
    // Not while the client asks: a hundred checks that ask at once are no calm lab.
    const results = [...routing, ...(await verify(checks.filter(isOfTraffic), driver, { deadlineSeconds: recovery }))];
    const failed = results.filter(({ status }) => status === "fail");
    const firstAnswer = answeredAgain(attempts, 0);
    return {
        event,
        ...(firstAnswer === undefined ? {} : { firstAnswer }),
        isAnswerExpected,
        requests: attempts.length,
        unanswered: attempts.filter((attempt) => !attempt.answered).length,
        routing: Math.round(elapsed + Math.max(0, ...routing.map(({ milliseconds }) => milliseconds))),
        leftBehind: failed.filter(({ observed }) => observed.includes("has also")).map(describe),
        failed,
        controller: controllerLog(lab).slice(said.length),
    };
}

/** A series of requests that began before what it is to show. */
function startSeries(driver: Driver, target: Target) {
    const begun = performance.now();
    const series = watch(driver, target);
    return {
        /** Ends the series. @returns the requests from a moment of `performance.now()` on, and when they were sent since then */
        async stop(moment: Milliseconds): Promise<readonly Attempt[]> {
            const attempts = await series.stop();
            return attempts
                .map(({ sent, answered }) => ({ sent: sent - (moment - begun), answered }))
                .filter(({ sent }) => sent >= 0);
        },
    };
}

/** Waits until a request is answered, or nobody would wait any longer. */
async function answered(driver: Driver, { from, address, port }: Target): Promise<void> {
    const deadline = performance.now() + recovery * 1_000;
    while (performance.now() < deadline) {
        const [answer] = await driver.http(from, address, port, 1, quiet);
        if (answer?.kind === "answer") {
            return;
        }
        await pause(patience);
    }
}

function isOfTraffic({ kind }: Check): boolean {
    return kind === "service" || kind === "pod" || kind === "passage" || kind === "silence";
}

function isOfRouting(check: Check): boolean {
    return !isOfTraffic(check);
}

function describe({ subject, observed }: CheckResult): string {
    return `${subject}: ${observed}`;
}

function isAsked({ checks }: Lab, { from, address, port }: Target): boolean {
    return checks.some(
        (check) => check.kind === "service" && check.from === from && check.address === address && check.port === port,
    );
}

/** Whether everything was as predicted, and everybody was answered who should be. */
export function isSoundPodDrill({ steps, failed }: PodDrillReport): boolean {
    return (
        failed.length === 0 &&
        steps.every((step) => step.failed.length === 0 && (!step.isAnswerExpected || step.firstAnswer !== undefined))
    );
}

/** A report for people. */
export function podDrillText({ trouble, target, steps, restored, failed }: PodDrillReport): string {
    const wrong = [...steps.flatMap((step) => step.failed), ...failed];
    return [
        ...(trouble === undefined ? [] : [`trouble  ${trouble}`]),
        target === undefined
            ? "client   none asks an address at which Pods take connections"
            : `client   ${target.from} asks ${target.address} port ${target.port}`,
        "",
        columns([
            ["event", "first answer", "unanswered", "routing as predicted", "left behind"],
            ...steps.map((step) => [
                step.event,
                firstAnswerOf(step),
                `${step.unanswered} of ${step.requests}`,
                step.failed.length > 0 ? "not seen" : `${step.routing} ms`,
                step.leftBehind.length === 0 ? "nothing" : step.leftBehind.join("; "),
            ]),
        ]),
        "",
        "the controller said",
        ...steps.flatMap((step) => step.controller.map((line) => `  ${line}`)),
        "",
        failed.length === 0 ? `put back and verified after ${restored} ms` : "not put back",
        ...(wrong.length === 0 ? [] : ["", failures(wrong)]),
    ].join("\n");
}

function firstAnswerOf({ firstAnswer, isAnswerExpected, unanswered }: StepReport): string {
    if (unanswered === 0) {
        return "never gone";
    }
    if (firstAnswer === undefined) {
        return isAnswerExpected ? "none" : "none, as is right";
    }
    return `${firstAnswer} ms`;
}
