import { writeFileSync } from "node:fs";
import { commentOf } from "../review/comment";
import { compareWithCommit } from "./comparison";
import { interruptible } from "./interruption";
import { UsageError } from "./options";
import { isGood, rehearse, tell } from "./rehearse";
import { stacksIn, stacksOptions } from "./stacks";

/**
 * Writes the comment that a pull request gets: what the change does to the network of every stack beside a commit
 * (`--base`), what the rules say of it, and whether the labs come up. To a file (`--out`), or else to standard output.
 * Exit code 1, after the comment is written, when errors forbid a lab, one does not come up or a check fails.
 */
export async function run(args: string[]): Promise<number> {
    const { stack, base, out } = stacksOptions(args, {
        base: { type: "string", default: "" },
        out: { type: "string", default: "" },
    });
    if (base === "") {
        throw new UsageError("say what to compare with: BASE=main, or any other git revision");
    }
    return interruptible(async (signal) => {
        const { reviews, notes, refused } = await compareWithCommit(base, stack, signal);
        const here = reviews.map((review) => review.stack).filter((name) => stacksIn().includes(name));
        const rehearsals = await rehearse(here, signal, tell);
        const comment = commentOf({ reviews, rehearsals, base, notes });
        if (out === "") {
            process.stdout.write(comment);
        } else {
            writeFileSync(out, comment);
        }
        return !refused && rehearsals.every(isGood) ? 0 : 1;
    });
}
