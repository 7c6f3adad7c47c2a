/** Names that stacks give to things of the docker runtime, where all labs of a machine share one name space. */

import { createHash } from "node:crypto";

/** Longest name of a cluster (Cilium Helm chart, cluster.name). */
const longest = 32;

/**
 * The name of a stack's cluster: the topology's name for it and the stack's name, made of lower-case letters, digits and
 * `-`. What is too long, or would lose what tells two stacks apart, ends in a digest of the stack's name.
 */
export function clusterName(base: string, stack: string): string {
    const plain = stack
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .replace(/^-+|-+$/g, "");
    const name = `${base}-${plain}`;
    if (plain === stack && name.length <= longest) {
        return name;
    }
    const digest = createHash("sha256").update(stack).digest("hex").slice(0, 6);
    const short = name.slice(0, longest - digest.length - 1).replace(/-+$/, "");
    return `${short}-${digest}`;
}
