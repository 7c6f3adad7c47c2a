/** The right to make namespaces: as root, or in a user namespace where the system allows it. */

import { spawnSync } from "node:child_process";

const isRoot = process.getuid?.() === 0;

/** Flags of `unshare` that come before all others. */
export const userNamespace: readonly string[] = isRoot ? [] : ["-U", "-r"];

/** Flags of `nsenter` that come before all others. */
export const enterUserNamespace: readonly string[] = isRoot ? [] : ["-U", "--preserve-credentials"];

/** Whether namespaces can be made at all. */
export const namespacesAllowed: boolean =
    spawnSync("unshare", [...userNamespace, "-u", "-m", "-p", "-n", "-f", "--mount-proc", "true"]).status === 0;
