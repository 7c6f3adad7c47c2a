/**
 * Measures `make diff` of single-frr to which a node comes: both labs are planned already, as in a preview, and predicted,
 * broken by every single fault, rendered and compared.
 *
 * Usage: node -r ./scripts/register.cjs bench/diff.ts [NODES [ROUNDS]]      default: 200 3
 */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { planSingleFrr, schema } from "../stacks/single-frr";
import { type Cost, costOf, loadAverage, middle, row, runMain, seconds } from "./measure";

const work = mkdtempSync(join(tmpdir(), "bgp-lab-bench-diff-"));
const [nodes = 200, rounds = 3] = process.argv.slice(2).map(Number);

/** What `pulumi preview --json` tells of a lab that changes. */
function preview(before: number, after: number): string {
    const stateOf = (workers: number) => ({
        inputs: { model: planSingleFrr(schema.parse({ workers })), runtime: "netns" },
    });
    const urn = "urn:pulumi:bench::bgp-lab::bgplab:index:Lab::single-frr";
    return JSON.stringify({ steps: [{ op: "update", urn, oldState: stateOf(before), newState: stateOf(after) }] });
}

async function main(): Promise<void> {
    const file = join(work, "preview.json");
    writeFileSync(file, preview(nodes - 2, nodes - 1));
    const costs: Cost[] = [];
    for (let round = 0; round < rounds; round += 1) {
        costs.push(await costOf(process.execPath, ["scripts/run.cjs", "diff", "--preview", file]));
    }
    const { milliseconds, processor } = middle(costs);
    console.log(`\nmake diff of single-frr, ${nodes - 1} nodes and one more, load average ${loadAverage()}`);
    row("", "time", "processor");
    row("  diff of a preview", seconds(milliseconds), seconds(processor));
}

runMain(main, work);
