/**
 * Measures the single-FRR lab on kind with Cilium: `pulumi up` beside a plain script that makes the same with kind, helm,
 * kubectl and docker, one after the other in one run; and a `pulumi preview` that changes nothing beside that of a bare
 * program with as many resources of the same providers. Prints medians and ratios; nothing here passes or fails.
 *
 * Usage: node -r ./scripts/register.cjs bench/kind/main.ts [--rounds N] [--previews N]
 *
 * Of 3 rounds and 7 previews the medians count; two rounds have none. bench/README.md says where images and the chart come from.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ciliumValues } from "../../render/cilium";
import { engine, engineMissing } from "../../tests/docker/engine";
import { loadAverage, measure, median, onPath, row, runMain, seconds } from "../measure";
import { type BenchStack, benchStack } from "../pulumi";
import { writeArtefacts } from "./artefacts";
import { type BenchLab, bareSettings, benchLab, stack, stackConfig, variables } from "./settings";

const work = mkdtempSync(join(tmpdir(), "bgp-lab-bench-kind-"));
const plainScript = resolve("bench/kind/plain.sh");
const tools = ["pulumi", "kind", "helm", "kubectl", "docker"] as const;

/** What is missing; the engine pulls no image here, because a download is not what is measured. */
async function missing({ settings: { images } }: BenchLab): Promise<readonly string[]> {
    const noEngine = await engineMissing();
    if (noEngine !== undefined) {
        return [noEngine];
    }
    const programs = tools.filter((tool) => !onPath(tool)).map((tool) => `${tool} is not on PATH`);
    const wanted = [images.node, images.router, images.client];
    const present = await Promise.all(wanted.map((image) => isPresent(image)));
    const absent = wanted.filter((_, index) => !present[index]).map((image) => `the engine has no image ${image}`);
    return [...programs, ...absent];
}

async function isPresent(image: string): Promise<boolean> {
    try {
        await engine.getImage(image).inspect();
        return true;
    } catch {
        return false;
    }
}

function plain(verb: "up" | "down", folder: string) {
    return measure(plainScript, [verb, folder]);
}

/** Seconds of `up`, alternately by the script and by Pulumi; the last lab stays. */
async function compareUp(lab: BenchStack, folder: string, rounds: number): Promise<void> {
    const times = { plain: [] as number[], pulumi: [] as number[] };
    row("up", "script", "pulumi", "load");
    for (let round = 1; round <= rounds; round++) {
        const { milliseconds: script } = await plain("up", folder);
        await plain("down", folder);
        const { milliseconds: up } = await lab.run("up");
        if (round < rounds) {
            await lab.run("destroy");
        }
        times.plain.push(script);
        times.pulumi.push(up);
        row(`  round ${round}`, seconds(script), seconds(up), loadAverage());
    }
    report("up", "script", times.plain, times.pulumi, 1.15);
}

/** Seconds of a preview that changes nothing, alternately by a bare program and by the lab's. */
async function comparePreview(lab: BenchStack, bare: BenchStack, previews: number): Promise<void> {
    const times = { bare: [] as number[], lab: [] as number[] };
    for (let round = 0; round < previews; round++) {
        times.bare.push((await bare.run("preview", "--expect-no-changes")).milliseconds);
        times.lab.push((await lab.run("preview", "--expect-no-changes")).milliseconds);
    }
    report("no-change preview", "bare program", times.bare, times.lab, 1.2);
}

/**
 * Medians, and the median of the ratios within a round: what else the machine does changes more from round to round than
 * within one. Where the rounds disagree widely, so does the result.
 */
function report(
    what: string,
    yardstick: string,
    theirs: readonly number[],
    ours: readonly number[],
    goal: number,
): void {
    const ratios = ours.map((each, round) => each / (theirs[round] ?? Number.NaN));
    const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
    row(`  ${what}, median`, seconds(median(theirs)), seconds(median(ours)), `load ${loadAverage()}`);
    row(`  ${what} ÷ ${yardstick}`, median(ratios).toFixed(2), `goal ${goal}`, `  rounds: ${spread}`);
}

function option(name: string, otherwise: number): number {
    const at = process.argv.indexOf(name);
    return at < 0 ? otherwise : Number(process.argv[at + 1]);
}

async function compare(bench: BenchLab): Promise<void> {
    const folder = join(work, "artefacts");
    writeArtefacts(folder, bench);
    const { images, values, kubeProxyReplacement } = bench.settings;
    writeFileSync(
        join(folder, "values.json"),
        JSON.stringify(ciliumValues(bench.lab, { images, values, kubeProxyReplacement })),
    );
    const state = join(work, "state");
    mkdirSync(state);
    const lab = benchStack(resolve("."), stack, state);
    await lab.init(Object.fromEntries(Object.entries(stackConfig()).map(([key, value]) => [`bgp-lab:${key}`, value])));
    const bare = benchStack(resolve("bench/kind/bare"), "bare-kind", state);
    await bare.init({ "bgp-lab-bench-bare-kind:bare": bareSettings(bench, folder) });
    try {
        await compareUp(lab, folder, option("--rounds", 3));
        await bare.run("up");
        await comparePreview(lab, bare, option("--previews", 7));
    } finally {
        await Promise.allSettled([lab.run("destroy"), bare.run("destroy"), plain("down", folder)]);
    }
}

async function main(): Promise<void> {
    const bench = benchLab();
    const obstacles = await missing(bench);
    if (obstacles.length > 0) {
        const help = Object.entries(variables).map(([name, says]) => `  ${name}: ${says}`);
        throw new Error(
            `bench-kind cannot run:\n${obstacles.map((each) => `  ${each}`).join("\n")}\n` +
                `These variables of the environment say where images and the chart come from:\n${help.join("\n")}`,
        );
    }
    const { stdout: version } = await measure("pulumi", ["version"]);
    const { stdout: kind } = await measure("kind", ["version", "-q"]);
    const { Version: docker } = await engine.version();
    console.log(`pulumi ${version.trim()}, kind ${kind.trim()}, Docker ${docker}, load average ${loadAverage()}`);
    await compare(bench);
}

runMain(main, work);
