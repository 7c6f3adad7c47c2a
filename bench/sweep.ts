/**
 * Measures the failure sweep of a fabric beside one that simulates the lab anew for every fault.
 *
 * Usage: node -r ./scripts/register.cjs bench/sweep.ts [SPINESxRACKSxNODES …]      default: 2x4x2 4x16x2
 */
import { conditionsAfter } from "../routing/failures";
import { singleFaults } from "../routing/faults";
import { reachOf } from "../routing/reach";
import { simulate } from "../routing/simulate";
import { failureSweep } from "../routing/sweep";
import { planLeafSpine, schema } from "../stacks/leaf-spine";
import { row, seconds } from "./measure";

/** Milliseconds of processor time, which do not grow with what else the machine does. */
function spent(work: () => unknown): number {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
}

function measureSweep(size: string): void {
    const [spines, racks, nodesPerRack] = size.split("x").map(Number);
    const lab = planLeafSpine(schema.parse({ spines, racks, nodesPerRack }));
    const before = simulate(lab);
    const faults = singleFaults(lab);
    const anew = spent(() => {
        for (const fault of faults) {
            reachOf(lab, simulate(lab, conditionsAfter(lab, fault, before)));
        }
    });
    const sweep = spent(() => failureSweep(lab, before));
    row(`  ${size}, ${faults.length} faults`, seconds(anew), seconds(sweep), `${(anew / sweep).toFixed(1)} x`);
}

console.log("\nFailure sweep of leaf-spine (spines x racks x nodes per rack), processor time of one core");
row("", "anew", "sweep", "ratio");
const sizes = process.argv.length > 2 ? process.argv.slice(2) : ["2x4x2", "4x16x2"];
sizes.forEach(measureSweep);
