import { setTimeout as pause } from "node:timers/promises";
import type { Check, CheckResult } from "./check";
import { type ControlPlaneCheck, inspect } from "./control-plane";
import { expectation, subject } from "./describe";
import type { Driver } from "./driver";
import type { Sight } from "./sight";
import { takeSnapshot } from "./snapshot";
import { type ProbeCheck, probe } from "./traffic";

/** How long and how closely to look. */
export interface VerifyOptions {
    /** Seconds after which a check that does not hold has failed; 0 looks once. */
    readonly deadlineSeconds: number;
    /** Milliseconds between two looks. @default 20, for a runtime where a look itself takes a few */
    readonly interval?: number;
}

/**
 * Milliseconds until something that answered may be asked again: routers answer only so often (Linux
 * net.ipv4.icmp_ratelimit, one a second), and the pause between two answers must not pass for silence.
 */
const afterNoise = 1_100;

function isTraffic(check: Check): check is ProbeCheck {
    return check.kind === "service" || check.kind === "pod" || check.kind === "silence" || check.kind === "passage";
}

async function settled(look: Promise<Sight>): Promise<Sight> {
    try {
        return await look;
    } catch (error) {
        return { holds: false, observed: error instanceof Error ? error.message : String(error) };
    }
}

/** One verification under way; times are those of `performance.now()`. */
interface Run {
    readonly driver: Driver;
    readonly start: number;
    readonly deadline: number;
    readonly interval: number;
}

function conclude(check: Check, { holds, observed }: Sight, { start }: Run): CheckResult {
    return {
        check,
        subject: subject(check),
        expected: expectation(check),
        observed,
        status: holds ? "pass" : "fail",
        milliseconds: Math.round(performance.now() - start),
    };
}

/** Looks at all checks that do not hold yet at once, again and again. */
async function settleRouting(checks: readonly ControlPlaneCheck[], run: Run): Promise<readonly CheckResult[]> {
    const results: CheckResult[] = [];
    let open = checks;
    while (open.length > 0) {
        const objects = open.flatMap((check) => (check.kind === "condition" ? [check.object] : []));
        const snapshot = takeSnapshot(run.driver, objects);
        const looks = open.map(async (check) => ({ check, sight: await settled(inspect(check, snapshot)) }));
        const seen = await Promise.all(looks);
        const late = performance.now() >= run.deadline;
        const isOver = ({ sight }: { readonly sight: Sight }) => sight.holds || late;
        results.push(...seen.filter(isOver).map(({ check, sight }) => conclude(check, sight, run)));
        open = seen.filter((one) => !isOver(one)).map(({ check }) => check);
        if (open.length > 0) {
            await pause(run.interval);
        }
    }
    return results;
}

async function settleTraffic(check: ProbeCheck, run: Run): Promise<CheckResult> {
    for (;;) {
        const sight = await settled(probe(check, run.driver));
        if (sight.holds || performance.now() >= run.deadline) {
            return conclude(check, sight, run);
        }
        await pause(check.kind === "silence" ? afterNoise : run.interval);
    }
}

/**
 * Runs checks against a lab until each holds or the deadline has passed. Routing comes first, then sessions that must stay
 * down, which they are before anything has come up; traffic is sent once routing is as expected, or has been given up.
 *
 * @returns one result per check, in the order of the checks
 */
export async function verify(
    checks: readonly Check[],
    driver: Driver,
    { deadlineSeconds, interval = 20 }: VerifyOptions,
): Promise<CheckResult[]> {
    const start = performance.now();
    const run: Run = { driver, start, deadline: start + deadlineSeconds * 1_000, interval };
    const ofRouting = checks.filter((check): check is ControlPlaneCheck => !isTraffic(check));
    const mustStayDown = (check: Check) => check.kind === "down-session";
    const up = await settleRouting(
        ofRouting.filter((check) => !mustStayDown(check)),
        run,
    );
    const down = await settleRouting(ofRouting.filter(mustStayDown), run);
    const traffic = await Promise.all(checks.filter(isTraffic).map((check) => settleTraffic(check, run)));
    const results = new Map([...up, ...down, ...traffic].map((result) => [result.check, result]));
    return checks.map((check) => results.get(check) as CheckResult);
}
