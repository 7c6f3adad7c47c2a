import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { downloadPackages, makeRootfs, packageLists, type RootfsRecipe } from "./debian";
import { engine } from "./engine";
import { standIn } from "./vyos-stand-in";

const execute = promisify(execFile);

/** An image that is made here, from Debian packages and the recipe alone. */
interface Recipe extends RootfsRecipe {
    readonly entrypoint: readonly string[];
    readonly command: readonly string[];
    /** Paths with the numeric user and group that own them; all else is root's. */
    readonly owned: Readonly<Record<string, string>>;
}

const plain: Recipe = {
    packages: [],
    users: [],
    groups: [],
    files: {},
    links: {},
    folders: [],
    entrypoint: ["/usr/bin/tini", "--"],
    command: ["sleep", "infinity"],
    owned: {},
};

/** Starts FRR as the frrouting project's own images do: the daemons that /etc/frr/daemons enables, under watchfrr. */
const frrStart = `#!/bin/bash
set -e
source /usr/lib/frr/frrcommon.sh
exec /usr/lib/frr/watchfrr $(daemon_list)
`;

/** Lets everybody in who can run vtysh in the container; Debian's own needs files of its maintainer scripts. */
const openToAll = "auth sufficient pam_permit.so\naccount sufficient pam_permit.so\n";

/** FRR as in the frrouting project's images: no daemon but zebra and staticd is enabled until somebody does it. */
const router: Recipe = {
    ...plain,
    packages: ["frr", "frr-pythontools", "tini", "iproute2", "procps", "bash", "dash", "coreutils", "grep", "sed"],
    users: ["frr:x:100:101::/nonexistent:/usr/sbin/nologin"],
    groups: ["frrvty:x:100:frr", "frr:x:101:"],
    files: {
        "/usr/lib/frr/docker-start": { text: frrStart, executable: true },
        "/etc/pam.d/frr": { text: openToAll },
        "/etc/pam.d/other": { text: openToAll },
        "/etc/frr/vtysh.conf": { text: "service integrated-vtysh-config\n" },
    },
    links: { "/usr/bin/awk": "mawk", "/sbin/tini": "/usr/bin/tini" },
    folders: ["run/frr", "var/log/frr"],
    command: ["/usr/lib/frr/docker-start"],
    owned: { "etc/frr": "100:101", "run/frr": "100:101", "var/log/frr": "100:101" },
};

/** A host that sends and receives traffic. Its shell is dash and most of its tools are Busybox's, as in small images. */
const client: Recipe = {
    ...plain,
    packages: ["iproute2", "curl", "iputils-ping", "busybox-static", "dash", "tini"],
};

/** A stand-in for a Kubernetes node: the BGP library that Cilium embeds, and HTTP. */
const node: Recipe = {
    ...plain,
    packages: ["gobgpd", "iproute2", "nftables", "busybox-static", "dash", "tini"],
};

/** Fills templates from the environment, as the entrypoint of nginx's own image does; other variables are nginx's. */
const nginxStart = `#!/bin/sh
set -e
defined=$(env | sed 's/=.*//' | sed 's/.*/\${&}/' | tr '\\n' ' ')
for template in /etc/nginx/templates/*.template; do
    [ -e "$template" ] || continue
    name=\${template##*/}
    envsubst "$defined" <"$template" >"/etc/nginx/conf.d/\${name%.template}"
done
exec "$@"
`;

const nginxConf = `user www-data;
worker_processes 1;
error_log /dev/stderr notice;
pid /run/nginx.pid;
events {
    worker_connections 256;
}
http {
    access_log /dev/stdout;
    include /etc/nginx/conf.d/*.conf;
}
`;

/** nginx with the entrypoint and the folders of its own image, for the workload of a real cluster. */
const nginx: Recipe = {
    ...plain,
    packages: ["nginx", "gettext-base", "busybox-static", "dash"],
    users: ["www-data:x:33:33::/var/www:/usr/sbin/nologin"],
    groups: ["www-data:x:33:"],
    files: {
        "/docker-entrypoint.sh": { text: nginxStart, executable: true },
        "/etc/nginx/nginx.conf": { text: nginxConf },
    },
    folders: ["etc/nginx/conf.d", "etc/nginx/templates", "var/log/nginx", "var/lib/nginx"],
    entrypoint: ["/docker-entrypoint.sh"],
    command: ["nginx", "-g", "daemon off;"],
};

/** What stands for VyOS: its programs by their names, started by an init of its own. */
const vyos: Recipe = {
    ...plain,
    packages: ["iproute2", "dash", "coreutils", "grep", "sed", "procps"],
    files: { "/sbin/init": { text: standIn, executable: true } },
    entrypoint: ["/sbin/init"],
    command: [],
};

const recipes = { router, client, node, nginx, vyos };

/** Images that tests can ask for. */
export type ImageName = keyof typeof recipes;

/** Label with the digest of what an image was made of. */
const recipeLabel = "bgp-lab.test.recipe";

/** Reference of an image on the engine; it is there once `image` has made it. */
export function reference(name: ImageName): string {
    return `bgp-lab.test/${name}:debian12`;
}

/**
 * Makes an image unless the engine has it already, made of the same recipe while apt knew the same packages.
 *
 * @returns its reference
 * @throws Error if packages cannot be had or the engine refuses the image
 */
export async function image(name: ImageName): Promise<string> {
    const recipe = recipes[name];
    const digest = createHash("sha256")
        .update(JSON.stringify([recipe, packageLists()]))
        .digest("hex");
    const present = await inspect(name);
    if (present?.digest !== digest) {
        await build(name, recipe, digest);
        // The image that had the tag before would stay behind without a name.
        await present?.remove();
    }
    return reference(name);
}

async function inspect(name: ImageName) {
    const found = await engine
        .getImage(reference(name))
        .inspect()
        .catch((error: { statusCode?: number }) => {
            if (error.statusCode === 404) {
                return undefined;
            }
            throw error;
        });
    if (!found) {
        return undefined;
    }
    return {
        digest: found.Config.Labels?.[recipeLabel],
        // Refused while a container still runs it, which is its owner's business.
        remove: () =>
            engine
                .getImage(found.Id)
                .remove()
                .catch(() => undefined),
    };
}

async function build(name: ImageName, recipe: Recipe, digest: string): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), "bgp-lab-image-"));
    const [archives, root] = [join(folder, "archives"), join(folder, "root")];
    mkdirSync(root);
    try {
        await downloadPackages(recipe.packages, archives);
        await makeRootfs(recipe, archives, root);
        const archive = join(folder, "rootfs.tar");
        await pack(root, recipe.owned, archive);
        await importImage(name, recipe, digest, archive);
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

/** Packs a root file system; owners are written into the archive, so that making it needs no root. */
async function pack(root: string, owned: Recipe["owned"], archive: string): Promise<void> {
    const paths = Object.keys(owned);
    const others = paths.map((path) => `--exclude=./${path}`);
    const common = ["--sort=name", "--mtime=@0", "--numeric-owner", "-C", root, "-f", archive];
    await execute("tar", ["-c", "--owner=0", "--group=0", ...others, ...common, "."]);
    for (const [path, owner] of Object.entries(owned)) {
        const [user = "0", group = "0"] = owner.split(":");
        await execute("tar", ["-r", `--owner=${user}`, `--group=${group}`, ...common, `./${path}`]);
    }
}

async function importImage(name: ImageName, recipe: Recipe, digest: string, archive: string): Promise<void> {
    const [repo, tag] = reference(name).split(":");
    const changes = [
        `ENTRYPOINT ${JSON.stringify(recipe.entrypoint)}`,
        `CMD ${JSON.stringify(recipe.command)}`,
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        `LABEL ${recipeLabel}=${digest}`,
    ];
    const progress = await engine.importImage(archive, { repo, tag, changes });
    await finished(progress);
}

/** Waits until the engine has said everything; a refusal is in what it says, not in its status. */
function finished(progress: NodeJS.ReadableStream): Promise<void> {
    return new Promise((done, fail) => {
        engine.modem.followProgress(progress, (error, messages) => {
            const refusal = error?.message ?? messages?.find((message) => "error" in message)?.error;
            return refusal === undefined ? done() : fail(new Error(`image import: ${refusal}`));
        });
    });
}
