/**
 * VRFs of a router as network namespaces. FRR takes each file in /run/netns for a VRF of that name, so each router gets a
 * folder of its own there, in mount namespaces of its daemons. The folder is shared with them: what is mounted into it
 * later appears to running daemons, and zebra, which watches it, makes it a VRF.
 */

import { existsSync } from "node:fs";
import type { Sandbox } from "../sandbox/protocol";
import { executable } from "./needs";

/** Folder of a router's VRFs; it is there as long as FRR runs with VRFs. */
function folder(namespace: string): string {
    return `/run/frr/${namespace}/netns`;
}

/** Whether FRR of a namespace runs with VRFs, or did. */
export function hasVrfs(sandbox: Sandbox, namespace: string): boolean {
    return existsSync(sandbox.path(folder(namespace)));
}

/**
 * Arguments: the folder, the router's namespace, its VRFs. What is mounted already stays; another namespace of the same
 * name takes the place of the old one, which is told, because running daemons do not notice.
 */
const mountScript = `
folder=$1 router=$2; shift 2
mkdir -p "$folder"
mountpoint -q "$folder" || { mount --bind "$folder" "$folder"; mount --make-shared "$folder"; }
for file in "$folder"/*; do
    [ -e "$file" ] || continue
    case " $* " in *" \${file##*/} "*) ;; *) umount -l "$file" || true; rm -f "$file" ;; esac
done
for vrf; do
    file=$folder/$vrf source=/run/netns/$router.$vrf
    [ "$file" -ef "$source" ] && continue
    if [ -e "$file" ]; then umount -l "$file" || true; echo replaced; fi
    touch "$file"
    mount --bind "$source" "$file"
done
`;

/**
 * Gives a router its VRFs.
 *
 * @returns whether daemons that run know a VRF by a namespace that is not its own any more
 * @throws Error when the fabric lacks a VRF's namespace
 */
export async function provideVrfs(sandbox: Sandbox, namespace: string, vrfs: readonly string[]): Promise<boolean> {
    const { stdout } = await inSandbox(sandbox, mountScript, folder(namespace), namespace, ...vrfs);
    return stdout.includes("replaced");
}

const releaseScript = `
umount -R -l "$1" || true
rm -rf "$1"
`;

/** Takes a router's VRFs away, when its daemons have ended. No error when it has none. */
export async function releaseVrfs(sandbox: Sandbox, namespace: string): Promise<void> {
    if (hasVrfs(sandbox, namespace)) {
        await inSandbox(sandbox, releaseScript, folder(namespace));
    }
}

async function inSandbox(sandbox: Sandbox, script: string, ...args: readonly string[]): Promise<{ stdout: string }> {
    const argv = ["sh", "-ec", script, "sh", ...args];
    const { results } = await sandbox.call("exec", { processes: [{ argv }] });
    const [result] = results;
    if (result?.code !== 0) {
        throw new Error(`the VRFs of ${args[1] ?? args[0]} cannot be made namespaces: ${result?.stderr.trim()}`);
    }
    return result;
}

/**
 * Command that runs a daemon where it sees a router's VRFs as the namespaces of the machine.
 *
 * @param isZebra whether it is the daemon that decides what makes a VRF
 */
export function amongVrfs(namespace: string, argv: readonly string[], isZebra: boolean): readonly string[] {
    const enter = 'mount --rbind "$0" /run/netns && exec "$@"';
    const unshare = [executable("unshare"), "--mount", "--propagation", "unchanged"];
    return [...unshare, "sh", "-c", enter, folder(namespace), ...argv, ...(isZebra ? ["--vrfwnetns"] : [])];
}
