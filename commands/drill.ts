import type { Lab, Milliseconds, Seconds } from "../lab/model";
import { repair, take } from "../provider/drill";
import type { DrilledLab } from "../provider/drilled-lab";
import { netnsDriver } from "../provider/driver";
import { type Fault, faultPhases, type Phase, parseFault } from "../routing/failures";
import { predict } from "../routing/predict";
import type { Check, CheckResult } from "../verify/check";
import type { Driver } from "../verify/driver";
import { type Attempt, type Outage, outageOf, type Target, watch } from "../verify/outage";
import { planChecks, planNodeChecks, planTableChecks } from "../verify/plan";
import { columns, failures } from "../verify/report";
import { verify } from "../verify/run";
import { type Deployed, deployed } from "./deployed";
import { sandboxOf } from "./netns";
import { options } from "./options";
import { isPodDrill, isSoundPodDrill, parsePodDrill, podDrill, podDrillText, virtualTarget } from "./pod-drill";

/** Seconds that routers may take to be as predicted, beyond the time that the prediction itself gives. */
const grace: Seconds = 5;

/** Seconds within which a lab must be found sound before, and after its sessions have come back. */
const recovery: Seconds = 15;

/** Time for which a client must be answered without a failure before a fault is taken, and after routing is at rest. */
const calm: Milliseconds = 500;

/** When the routers' tables were as predicted. */
interface PhaseReport {
    /** Seconds after which the prediction expects it, at the latest. */
    readonly predicted: Seconds;
    /** Since the fault was taken. */
    readonly observed: Milliseconds;
    readonly failed: readonly CheckResult[];
}

/** What a drill shows. */
interface DrillReport {
    readonly fault: string;
    /** Who asked what; nothing when the lab has no client that the fault leaves alone. */
    readonly target?: Target;
    readonly outage?: Outage;
    readonly phases: readonly PhaseReport[];
    /** From the start of the repair until everything held again. */
    readonly restored: Milliseconds;
    readonly failed: readonly CheckResult[];
}

/**
 * Takes a fault in a running lab, measures what a client sees of it and when routing is as predicted, and repairs the lab.
 * Exit code 1 when routing was otherwise than predicted, or did not come back.
 */
export async function run(args: string[]): Promise<number> {
    const values = options(args, {
        fault: { type: "string", default: "" },
        from: { type: "string" },
        to: { type: "string" },
        json: { type: "boolean", default: false },
    });
    const lab = await deployed(values.stack);
    const work = isPodDrill(values.fault) ? ofPods(lab, values) : ofNetwork(lab, values);
    if (lab.runtime !== "netns") {
        throw new Error(`stack ${values.stack} runs in Docker; drills are for labs in network namespaces`);
    }
    const sandbox = await sandboxOf(lab);
    const driver = netnsDriver(sandbox);
    const drilled = { ...lab, sandbox, context: { stack: values.stack, project: "bgp-lab" } };
    try {
        const { report, described, isSound } = await work(drilled, driver);
        console.log(values.json ? JSON.stringify(report, undefined, 2) : described);
        return isSound ? 0 : 1;
    } finally {
        driver.close();
        sandbox.close();
    }
}

/** What is asked of a drill. */
interface Asked {
    readonly fault: string;
    readonly from?: string | undefined;
    readonly to?: string | undefined;
}

/** A drill that is ready to be carried out. */
type Work = (lab: DrilledLab, driver: Driver) => Promise<Outcome>;

interface Outcome {
    readonly report: object;
    readonly described: string;
    readonly isSound: boolean;
}

function ofNetwork({ model }: Deployed, asked: Asked): Work {
    const fault = parseFault(model, asked.fault);
    const target = targetOf(model, fault, asked);
    return async (lab, driver) => {
        const report = await drill(lab, driver, { name: asked.fault, fault, target });
        return { report, described: text(report), isSound: isSound(report) };
    };
}

function ofPods({ model }: Deployed, asked: Asked): Work {
    const plan = parsePodDrill(model, asked.fault);
    const target =
        asked.from === undefined && asked.to === undefined ? virtualTarget(model) : askedTarget(model, asked);
    return async (lab, driver) => {
        const report = await podDrill(lab, driver, { ...plan, ...(target === undefined ? {} : { target }) });
        return { report, described: podDrillText(report), isSound: isSoundPodDrill(report) };
    };
}

/** The first client that asks a service, or the one that was asked for; not one on the device that fails. */
function targetOf(lab: Lab, fault: Fault, asked: Asked): Target | undefined {
    return askedTarget(lab, asked, fault.kind === "node" || fault.kind === "daemon" ? fault.device : undefined);
}

function askedTarget(lab: Lab, { from, to }: Asked, lost?: string): Target | undefined {
    const asked = lab.checks
        .flatMap((check) => (check.kind === "service" ? [check] : []))
        .filter((check) => check.from !== lost)
        .find((check) => (from ?? check.from) === check.from && (to ?? check.address) === check.address);
    if (asked === undefined && (from !== undefined || to !== undefined)) {
        throw new Error("no check of the lab asks a service from --from, or at --to; make verify lists who asks what");
    }
    return asked;
}

interface Plan {
    readonly name: string;
    readonly fault: Fault;
    readonly target: Target | undefined;
}

async function drill(lab: DrilledLab, driver: Driver, { name, fault, target }: Plan): Promise<DrillReport> {
    const prediction = predict(lab.model);
    const sound = [...planChecks(lab.model, prediction), ...planNodeChecks(lab.model, prediction)];
    await expectSound(sound, driver);
    const series = target && watch(driver, target);
    await pause(calm);
    const phases: PhaseReport[] = [];
    let attempts: readonly Attempt[] | undefined;
    try {
        await take(lab, fault);
        const start = performance.now();
        for (const phase of faultPhases(lab.model, fault)) {
            phases.push(await follow(lab.model, fault, phase, driver, start));
        }
        await pause(calm);
    } finally {
        attempts = await series?.stop();
        await repair(lab, fault);
    }
    const start = performance.now();
    const results = await verify(sound, driver, { deadlineSeconds: recovery + longestRetry(lab.model) });
    return {
        fault: name,
        ...(target && attempts ? { target, outage: outageOf(attempts) } : {}),
        phases,
        restored: Math.round(performance.now() - start),
        failed: results.filter(({ status }) => status === "fail"),
    };
}

async function expectSound(checks: readonly Check[], driver: Driver): Promise<void> {
    const results = await verify(checks, driver, { deadlineSeconds: recovery });
    const failed = failures(results);
    if (failed !== "") {
        throw new Error(`the lab is not as predicted, so that a drill would show nothing:\n${failed}`);
    }
}

async function follow(
    lab: Lab,
    fault: Fault,
    { after, prediction }: Phase,
    driver: Driver,
    start: Milliseconds,
): Promise<PhaseReport> {
    const mute = fault.kind === "node" || fault.kind === "daemon" ? fault.device : undefined;
    const checks = planTableChecks(lab, prediction).filter(({ device }) => device !== mute);
    const elapsed = (performance.now() - start) / 1_000;
    const results = await verify(checks, driver, { deadlineSeconds: Math.max(0, after - elapsed) + grace });
    return {
        predicted: after,
        observed: Math.round(performance.now() - start),
        failed: results.filter(({ status }) => status === "fail"),
    };
}

/** Longest time after which a speaker tries again to connect: a session may need it to come back. */
function longestRetry({ routers }: Lab): Seconds {
    const settings = Object.values(routers).flatMap(({ bgp, vrfs = [] }) =>
        [bgp, ...vrfs.map((vrf) => vrf.bgp)].flatMap(({ peerGroups, neighbors }) => [
            ...peerGroups.map((group) => group.settings),
            ...neighbors.flatMap(({ session }) => (session.kind === "own" ? [session.settings] : [])),
        ]),
    );
    return Math.max(0, ...settings.map(({ timers }) => timers.connectRetry));
}

function isSound({ phases, failed }: DrillReport): boolean {
    return failed.length === 0 && phases.every((phase) => phase.failed.length === 0);
}

function text(report: DrillReport): string {
    const { fault, target, outage, phases, restored, failed } = report;
    const wrong = [...phases.flatMap((phase) => phase.failed), ...failed];
    return [
        `fault    ${fault}`,
        target === undefined
            ? "client   none that the fault leaves alone asks a service"
            : `client   ${target.from} asks ${target.address} port ${target.port}`,
        ...(outage === undefined
            ? []
            : [`outage   ${duration(outage)}; ${outage.failed} of ${outage.requests} requests failed`]),
        "",
        columns([
            ["routing as predicted", "expected within", "seen after"],
            ...phases.map(({ predicted, observed, failed: open }, index) => [
                `phase ${index + 1} of ${phases.length}`,
                `${predicted} s`,
                open.length > 0 ? "not seen" : `${observed} ms`,
            ]),
        ]),
        "",
        failed.length === 0 ? `repaired and verified after ${restored} ms` : "not repaired",
        ...(wrong.length === 0 ? [] : ["", failures(wrong)]),
    ].join("\n");
}

function duration({ milliseconds, lasting }: Outage): string {
    return lasting ? `not over after ${milliseconds} ms, when the repair began` : `${milliseconds} ms`;
}

function pause(milliseconds: Milliseconds): Promise<void> {
    return new Promise((next) => setTimeout(next, milliseconds));
}
