/** How VyOS runs in a container, and the commands that configure it there. Its images have these paths in all releases. */

import type { ContainerProcess } from "./docker";
import { wiringFilePath, wiringFolder, wiringScriptPath } from "./wiring-script";

/** How a container of VyOS runs: it is a whole system with systemd, so it starts its own init and has all rights. */
export function vyosProcess(): Omit<ContainerProcess, "init"> & { readonly init: false } {
    // Docker's init would be process 1, which systemd must be.
    return { entrypoints: ["/sbin/init"], command: [], init: false, restart: "unless-stopped", user: "0" };
}

/** What a container of VyOS has of the machine it runs on: the kernel's modules, which VyOS loads itself. */
export const vyosMounts = [{ hostPath: "/lib/modules", containerPath: "/lib/modules", readOnly: true }] as const;

/** Exit codes of {@link applyVyosCommand} besides 0 and those of a shell. */
export const vyosExit = {
    /** VyOS does not take the configuration; what it had before still runs. */
    refused: 10,
    /** VyOS is not up in time. */
    silent: 11,
} as const;

const folder = wiringFolder;
const wanted = `${folder}/config.boot`;
const active = `${folder}/active`;
const bootFile = "/config/config.boot";
const wrapper = "/opt/vyatta/bin/vyatta-op-cmd-wrapper";
const cliWrapper = "/opt/vyatta/sbin/vyatta-cfg-cmd-wrapper";

/**
 * A session of changes, through the program by which VyOS's own scripts make them. It must run in the group vyattacfg, or
 * nobody else could change the configuration any more. The number is that of the session.
 */
const session = `change() { CMD_WRAPPER_SESSION_ID=$$ ${cliWrapper} "$@"; }
change begin || exit
if says=$(change load ${wanted}.new 2>&1); then
    case $says in
        *"No configuration changes"*) code=0 ;;
        *) says=$(change commit_with_error 2>&1) && code=0 || code=1 ;;
    esac
else
    code=1
fi
[ $code != 0 ] || change save ${bootFile} || code=1
[ $code = 0 ] || change discard
change end
echo "$says"
exit $code`;

/** A file by which VyOS says that it has loaded what it starts with. */
const bootStatus = "/tmp/vyos-config-status";

const awaitBoot = `until [ -e ${bootStatus} ]; do
    [ $patience -gt 0 ] || { echo "VyOS has not loaded what it starts with"; exit ${vyosExit.silent}; }
    patience=$((patience - 1))
    sleep 1
done`;

/**
 * When the container starts again, Docker gives its interfaces names of its own, and VyOS configures them by name: they get
 * the right ones before it starts.
 */
const beforeVyos = `rm -f ${bootStatus}
wanted=$(cat ${wiringFilePath})
export wanted
exec sh ${wiringScriptPath} apply`;

const dropIns = "/etc/systemd/system/vyos-router.service.d";

const prepareRestart = `cat >${folder}/before-vyos <<'END'
${beforeVyos}
END
mkdir -p ${dropIns}
cat >${dropIns}/bgp-lab.conf <<'END'
[Service]
ExecStartPre=-/bin/sh ${folder}/before-vyos
END`;

/** A restart of the container loads what was saved. */
const apply = `umask 077
patience=180
mkdir -p ${folder}
cat >${wanted}.new
${prepareRestart}
${awaitBoot}
cat >${folder}/session <<'END'
${session}
END
if ! says=$(sg vyattacfg -c "sh ${folder}/session" 2>&1); then
    rm -f ${wanted}.new
    echo "$says"
    exit ${vyosExit.refused}
fi
mv ${wanted}.new ${wanted}
${wrapper} show configuration commands >${active}`;

/** Command that loads and commits the configuration on its standard input; what it prints is for people. */
export const applyVyosCommand: readonly string[] = ["sh", "-c", apply];

const check = `patience=20
${awaitBoot}
umask 077
trap 'rm -f ${wanted}.asked ${active}.now' EXIT
cat >${wanted}.asked
[ "$(cat ${wanted}.asked)" = "$(cat ${wanted} 2>/dev/null)" ] || echo "another file"
${wrapper} show configuration commands >${active}.now
[ -e ${active} ] || : >${active}
grep -vxF -f ${active} ${active}.now | sed "s/^/extra /"
grep -vxF -f ${active}.now ${active} | sed "s/^/missing /"
true`;

/** Command that tells how VyOS differs from the configuration on its standard input, as {@link vyosDifferences} reads it. */
export const checkVyosCommand: readonly string[] = ["sh", "-c", check];

/** A difference: another configuration was applied last, or a command that should not be in force, or should. */
export type VyosDifference = { readonly kind: "file" } | { readonly kind: "extra" | "missing"; readonly line: string };

/** Reads what {@link checkVyosCommand} prints. Secrets are not in it any more. */
export function vyosDifferences(printed: string): readonly VyosDifference[] {
    return withoutSecrets(printed)
        .split("\n")
        .flatMap((line): VyosDifference[] => {
            const [kind = "", ...rest] = line.split(" ");
            if (line === "another file") {
                return [{ kind: "file" }];
            }
            return kind === "extra" || kind === "missing" ? [{ kind, line: rest.join(" ") }] : [];
        });
}

/** What VyOS prints, with hashes of passwords and what is called a password or key made unreadable. */
export function withoutSecrets(printed: string): string {
    return printed
        .replace(/\$[1-9a-z]\$[^\s'"]+/g, "[secret]")
        .replace(/((?:password|secret|key) )('[^']*'|"[^"]*"|\S+)/g, "$1[secret]");
}
