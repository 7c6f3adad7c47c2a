/**
 * Measures containers and links of the docker runtime: a router with FRR, nodes and a client, each with a link of its own.
 * They are built by the published Pulumi CLI from the components of a lab, and, where containerlab is on PATH, by
 * containerlab from the same images on the same engine in the same run; a bare program of the same providers shows what
 * any run costs. Prints figures and ratios; nothing here passes or fails.
 *
 * Usage: node -r ./scripts/register.cjs bench/docker/main.ts [--rounds N] [--ipv4] [NODES …]
 *
 * NODES are numbers of nodes, by default 4 and 49: 6 and 51 containers with router and client. Links have both families
 * unless --ipv4 is given. Of several rounds, 3 by default, the median counts.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { dockerName, dockerPrefix } from "../../render/docker";
import { engine, engineMissing } from "../../tests/docker/engine";
import { image } from "../../tests/docker/images";
import { loadAverage, measure, median, onPath, row, runMain, seconds, timed } from "../measure";
import { type BenchStack, benchStack } from "../pulumi";
import { containerlabStar } from "./containerlab";
import { leaves, linkAddress, type StarArgs } from "./star";

const work = mkdtempSync(join(tmpdir(), "bgp-lab-bench-docker-"));
const project = "bgp-lab-bench";

/** What one round showed, in milliseconds. */
interface Round {
    /** Until the command had ended. */
    readonly up: number;
    /** From the end of the command until the client had reached the last node through the router. */
    readonly answer: number;
    readonly destroy: number;
    /** A second run that changes nothing; only Pulumi has one. */
    readonly preview?: number;
}

/** Waits until the client reaches the last node over every family. */
async function answered(client: string, { nodes, families }: StarArgs): Promise<void> {
    const deadline = performance.now() + 60_000;
    for (const family of families) {
        const target = linkAddress(family, nodes, 2);
        while (!(await pings(client, target))) {
            if (performance.now() > deadline) {
                throw new Error(`${client} does not reach ${target} within a minute`);
            }
            await pause(20);
        }
    }
}

async function pings(container: string, target: string): Promise<boolean> {
    const exec = await engine.getContainer(container).exec({ Cmd: ["ping", "-c1", "-W1", target], AttachStdout: true });
    const stream = await exec.start({});
    stream.resume();
    await new Promise((done) => stream.once("end", done));
    return (await exec.inspect()).ExitCode === 0;
}

async function pulumiRound(stack: BenchStack, name: string, args: StarArgs): Promise<Round> {
    const up = await stack.run("up");
    const client = dockerName(dockerPrefix(project, name), "client0");
    const answer = await timed(() => answered(client, args));
    const preview = await stack.run("preview", "--expect-no-changes");
    const destroy = await stack.run("destroy");
    return { up: up.milliseconds, answer, preview: preview.milliseconds, destroy: destroy.milliseconds };
}

async function containerlabRound(lab: ReturnType<typeof containerlabStar>, args: StarArgs): Promise<Round> {
    const up = await lab.deploy();
    const answer = await timed(() => answered(lab.container("client0"), args));
    const destroy = await lab.destroy();
    return { up: up.milliseconds, answer, destroy: destroy.milliseconds };
}

async function bareRound(stack: BenchStack): Promise<Round> {
    const up = await stack.run("up");
    const preview = await stack.run("preview", "--expect-no-changes");
    const destroy = await stack.run("destroy");
    return { up: up.milliseconds, answer: 0, preview: preview.milliseconds, destroy: destroy.milliseconds };
}

/** The median of each figure over all rounds. */
function medians(rounds: readonly Round[]): Round {
    const of = (figure: (round: Round) => number) => median(rounds.map(figure));
    return {
        up: of(({ up }) => up),
        answer: of(({ answer }) => answer),
        destroy: of(({ destroy }) => destroy),
        preview: of(({ preview }) => preview ?? Number.NaN),
    };
}

function report(label: string, { up, answer, destroy, preview = Number.NaN }: Round): void {
    const last = Number.isNaN(preview) ? "" : seconds(preview);
    row(label, seconds(up), seconds(up + answer), seconds(destroy), last);
}

async function compare(nodes: number, families: StarArgs["families"], rounds: number): Promise<void> {
    const args = { nodes, families };
    const images = { router: await image("router"), client: await image("client") };
    const name = `star-${nodes}`;
    const fabric = benchStack(resolve("bench/docker/fabric"), name, work);
    await fabric.init({ [`${project}:star`]: args, [`${project}:images`]: images });
    const bare = benchStack(resolve("bench/docker/bare"), `bare-${nodes}`, work);
    await bare.init({});
    const other = onPath("containerlab")
        ? containerlabStar(`bench-${name}`, join(work, `clab-${nodes}`), args, images)
        : undefined;
    const results = { ours: [] as Round[], theirs: [] as Round[], bare: [] as Round[] };
    for (let round = 0; round < rounds; round++) {
        // One after the other, so that each finds the machine alike.
        results.bare.push(await bareRound(bare));
        results.ours.push(await pulumiRound(fabric, name, args));
        if (other) {
            results.theirs.push(await containerlabRound(other, args));
        }
    }
    const [ours, theirs, start] = [medians(results.ours), medians(results.theirs), medians(results.bare)];
    console.log(`\n${leaves(nodes).length + 1} containers, ${families.join(" and ")}, load average ${loadAverage()}`);
    row("", "up", "first answer", "destroy", "no change");
    report("  bare program", start);
    report("  components, published CLI", ours);
    if (other) {
        report("  containerlab", theirs);
        row("  components ÷ containerlab", (ours.up / theirs.up).toFixed(2), "goal < 1 at 51");
        row("  components − containerlab − bare program", seconds(ours.up - theirs.up - start.up), "goal < 0 at 6");
    }
}

async function main(): Promise<void> {
    const args = process.argv.slice(2);
    const missing =
        (await engineMissing()) ?? (onPath("pulumi") ? undefined : "the published Pulumi CLI is not on PATH");
    if (missing !== undefined) {
        throw new Error(`bench-docker: ${missing}`);
    }
    if (!onPath("containerlab")) {
        console.log("containerlab is not on PATH: there is nothing to compare with");
    }
    const flag = args.indexOf("--rounds");
    const rounds = flag < 0 ? 3 : Number(args[flag + 1]);
    const sizes = args.filter((arg, index) => /^\d+$/.test(arg) && index !== flag + 1).map(Number);
    const families = args.includes("--ipv4") ? (["ipv4"] as const) : (["ipv4", "ipv6"] as const);
    const { stdout: version } = await measure("pulumi", ["version"]);
    console.log(`pulumi ${version.trim()}, Docker ${(await engine.version()).Version}, ${rounds} rounds`);
    for (const nodes of sizes.length > 0 ? sizes : [4, 49]) {
        await compare(nodes, families, rounds);
    }
}

runMain(main, work);
