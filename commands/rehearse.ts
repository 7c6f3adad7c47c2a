import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { type Finding, isError } from "../lab/rules/findings";
import { missing } from "../provider/daemons/needs";
import { sandboxName } from "../provider/resources/claim";
import { destroySandbox } from "../provider/sandbox/start";
import type { FailedCheck, Rehearsal } from "../review/rehearsal";
import { readLab, type StackConfig } from "../stacks/config";
import type { CheckResult } from "../verify/check";
import { interruptible } from "./interruption";
import { configOf } from "./planned";
import { type Outcome, runProgram } from "./program";
import { chosenStacks, stackFile, stacksOptions } from "./stacks";
import { notYaml } from "./validate";

/** Labs that are brought up at a time: bringing one up keeps one core busy, and waiting for its sessions none. */
const atATime = 2;

/**
 * Brings the labs of stacks up in network namespaces, whatever runtime their files choose, verifies them and removes
 * them. State, passphrase and names are of their own, so that a running lab of the same stack is not touched; nothing is
 * left. Exit code 1 when a lab was refused, did not come up or a check failed.
 */
export async function run(args: string[]): Promise<number> {
    const { stack, json } = stacksOptions(args, { json: { type: "boolean", default: false } });
    const stacks = chosenStacks(stack);
    return interruptible(async (signal) => {
        const rehearsals = await rehearse(stacks, signal, json ? () => {} : tell);
        if (json) {
            process.stdout.write(`${JSON.stringify(rehearsals, undefined, 2)}\n`);
        }
        return rehearsals.every(isGood) ? 0 : 1;
    });
}

/** Whether a lab came up and every check passed. */
export function isGood(rehearsal: Rehearsal): boolean {
    return "passed" in rehearsal && rehearsal.failed.length === 0;
}

/** Called with each rehearsal when it is over, and the seconds that it took. */
type Tell = (rehearsal: Rehearsal, seconds: number) => void;

/** Says on standard error how a rehearsal went, while others are still under way. */
export function tell(rehearsal: Rehearsal, seconds: number): void {
    console.error(`${rehearsal.stack.padEnd(18)}  ${inWords(rehearsal)}  (${seconds.toFixed(1)} s)`);
}

function inWords(rehearsal: Rehearsal): string {
    if ("notRun" in rehearsal) {
        return `not run: ${rehearsal.notRun}; make validate STACK=${rehearsal.stack} says why`;
    }
    if ("error" in rehearsal) {
        return `did not come up: ${indented(rehearsal.error)}`;
    }
    const { passed, failed } = rehearsal;
    return failed.length === 0
        ? `came up, ${passed} checks passed, removed`
        : `${failed.length} of ${passed + failed.length} checks failed, removed${indented(["", ...failed.map(inLines)].join("\n"))}`;
}

function inLines({ subject, expected, observed }: FailedCheck): string {
    return `${subject}\n  expected ${expected}\n  observed ${observed}`;
}

function indented(text: string): string {
    return text.includes("\n") ? `\n${text.replace(/^(?=.)/gm, "  ")}\n` : text;
}

/**
 * Rehearses stacks, some at a time.
 *
 * @param over is called when a rehearsal is over
 * @returns the rehearsals in the order of the stacks
 * @throws Error when this machine lacks what a lab needs, or the signal was aborted; then, too, nothing is left
 */
export async function rehearse(
    stacks: readonly string[],
    signal: AbortSignal,
    over: Tell = () => {},
): Promise<readonly Rehearsal[]> {
    const lacking = missing();
    if (lacking.length > 0) {
        throw new Error(lacking.join("\n"));
    }
    const done = new Map<string, Rehearsal>();
    const waiting = [...stacks];
    const worker = async () => {
        for (let stack = waiting.shift(); stack !== undefined; stack = waiting.shift()) {
            const start = performance.now();
            const rehearsal = await rehearseOne(stack, signal);
            done.set(stack, rehearsal);
            over(rehearsal, (performance.now() - start) / 1_000);
        }
    };
    // All have to end: one that fails must not leave another's lab behind.
    const ends = await Promise.allSettled(Array.from({ length: atATime }, worker));
    const failed = ends.find((end) => end.status === "rejected");
    if (failed !== undefined) {
        throw failed.reason;
    }
    return stacks.map((stack) => done.get(stack)!);
}

/** Rehearses one stack. */
async function rehearseOne(stack: string, signal: AbortSignal): Promise<Rehearsal> {
    const { config, findings } = configured(stack);
    const refusals = findings.filter(isError).map(({ id }) => id);
    if (refusals.length > 0) {
        return { stack, notRun: `refused by ${[...new Set(refusals)].join(", ")}` };
    }
    const stage = newStage(stack, config);
    try {
        return await performOn(stage, stack, signal);
    } finally {
        // What a destroy that failed, or was never reached, has left.
        await destroySandbox(stage.sandbox);
        rmSync(stage.folder, { recursive: true, force: true });
    }
}

/** A stack's configuration for network namespaces, with what the rules say of it there. */
function configured(stack: string): { readonly config: StackConfig; readonly findings: readonly Finding[] } {
    try {
        const config = { ...configOf(readFileSync(stackFile(stack), "utf8")), runtime: "netns" };
        return { config, findings: readLab(config, stack).findings };
    } catch (error) {
        return { config: {}, findings: [notYaml(stack, error)] };
    }
}

/** What a rehearsal has for itself. */
interface Stage {
    /** Name of its stack, which no other has: names of processes and sandboxes are made of it. */
    readonly name: string;
    readonly folder: string;
    readonly configFile: string;
    readonly sandbox: string;
    readonly env: NodeJS.ProcessEnv;
}

function newStage(stack: string, config: StackConfig): Stage {
    const folder = mkdtempSync(join(tmpdir(), "bgp-lab-rehearsal-"));
    const name = `${stack}-rehearsal-${process.pid}`;
    const configFile = join(folder, `Pulumi.${name}.yaml`);
    const entries = Object.entries(config).map(([key, value]) => [`bgp-lab:${key}`, value]);
    writeFileSync(configFile, stringify({ config: Object.fromEntries(entries) }));
    const env = {
        ...process.env,
        BGP_LAB_ENGINE: "embedded",
        PULUMI_BACKEND_URL: `file://${folder}`,
        PULUMI_CONFIG_PASSPHRASE: randomBytes(24).toString("base64url"),
        PULUMI_HOME: join(folder, "home"),
    };
    return { name, folder, configFile, sandbox: sandboxName("bgp-lab", name, process.cwd()), env };
}

/** Up, verify, destroy: the commands that people run. */
async function performOn(stage: Stage, stack: string, signal: AbortSignal): Promise<Rehearsal> {
    const { name, configFile, env } = stage;
    const pulumi = (args: readonly string[], until?: AbortSignal) =>
        runProgram("./scripts/pulumi.sh", args, { env, ...(until && { signal: until }) });
    const unattended = [`--stack=${name}`, `--config-file=${configFile}`, "--yes", "--skip-preview"];
    const made = await pulumi(["ensure", name], signal);
    if (made.code !== 0) {
        return { stack, error: problemOf(made) };
    }
    let rehearsal: Rehearsal;
    try {
        const up = await pulumi(["up", ...unattended], signal);
        rehearsal = await verified(stage, stack, up, signal);
    } catch (error) {
        await pulumi(["destroy", ...unattended]);
        throw error;
    }
    const destroyed = await pulumi(["destroy", ...unattended]);
    return destroyed.code === 0 ? rehearsal : { stack, error: `it could not be removed: ${problemOf(destroyed)}` };
}

/** What the checks say; of a lab that did not come up for another reason than a check, what stopped it. */
async function verified({ name, env }: Stage, stack: string, up: Outcome, signal: AbortSignal): Promise<Rehearsal> {
    // A check that failed has already had its time.
    const patience = up.code === 0 ? [] : ["--deadline=0"];
    const args = ["scripts/run.cjs", "verify", `--stack=${name}`, "--json", ...patience];
    const looked = await runProgram(process.execPath, args, { env, signal });
    const results = resultsOf(looked.stdout);
    const failed = results.filter(({ status }) => status === "fail");
    if (up.code !== 0 && failed.length === 0) {
        return { stack, error: problemOf(up) };
    }
    if (results.length === 0) {
        return { stack, error: `it could not be verified: ${problemOf(looked)}` };
    }
    return { stack, passed: results.length - failed.length, failed: failed.map(facts) };
}

function resultsOf(json: string): readonly CheckResult[] {
    return json === "" ? [] : (JSON.parse(json) as { readonly results: readonly CheckResult[] }).results;
}

function facts({ subject, expected, observed }: CheckResult): FailedCheck {
    return { subject, expected, observed };
}

/** What a program said about its failure: the errors among the engine's diagnostics, where there are any. */
function problemOf({ code, stdout, stderr }: Outcome): string {
    const said = [...errorsIn(stdout), stderr.trim()].filter((text) => text !== "");
    return said.join("\n") || `exit code ${code}`;
}

/** Errors as the engine lists them: by resource, each message behind its severity, with more lines indented below. */
function errorsIn(output: string): readonly string[] {
    const [, diagnostics = ""] = output.split(/^Diagnostics:\n/m);
    const [listed = ""] = diagnostics.split(/^(?:Outputs|Resources|Policies|Duration):/m);
    return listed
        .split(/^ {2}\S.*:$/m)
        .flatMap((ofResource) => ofResource.split(/^ {4}(?=error: |warning: )/m))
        .filter((message) => message.startsWith("error: "))
        .map((message) => message.slice("error: ".length).replace(/^ {4}/gm, "").trim());
}
