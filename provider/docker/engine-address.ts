import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { DockerOptions } from "dockerode";

/** Where the engine is, as dockerode takes it, and in words. */
export interface EngineAddress {
    readonly options: DockerOptions;
    /** For messages, e.g. `unix:///var/run/docker.sock`. */
    readonly shown: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Finds the engine as the docker command does: DOCKER_HOST, else the context that DOCKER_CONTEXT or `docker context use`
 * names, else the local socket. dockerode itself knows no contexts.
 *
 * @throws Error when the context is not there
 */
export function engineAddress(env: Environment = process.env): EngineAddress {
    if (env.DOCKER_HOST) {
        return { options: {}, shown: env.DOCKER_HOST };
    }
    const folder = env.DOCKER_CONFIG ?? join(homedir(), ".docker");
    const name = env.DOCKER_CONTEXT ?? currentContext(folder);
    return name === undefined || name === "default"
        ? { options: {}, shown: "unix:///var/run/docker.sock" }
        : contextAddress(folder, name);
}

function readJson(file: string): unknown {
    return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

function currentContext(folder: string): string | undefined {
    const config = readJson(join(folder, "config.json")) as { readonly currentContext?: string } | undefined;
    return config?.currentContext || undefined;
}

/** Endpoint of a context, in the layout of docker/cli's context store: folders are called by the digest of the name. */
function contextAddress(folder: string, name: string): EngineAddress {
    const id = createHash("sha256").update(name).digest("hex");
    const meta = readJson(join(folder, "contexts/meta", id, "meta.json")) as
        | { readonly Endpoints?: { readonly docker?: { readonly Host?: string } } }
        | undefined;
    const host = meta?.Endpoints?.docker?.Host;
    if (!host) {
        throw new Error(
            `there is no Docker context ${name}; see "docker context ls", or unset DOCKER_CONTEXT to use the local engine`,
        );
    }
    const certificates = join(folder, "contexts/tls", id, "docker");
    return { options: { ...hostOptions(host), ...tlsOptions(certificates) }, shown: `${host} (context ${name})` };
}

function hostOptions(host: string): DockerOptions {
    const url = new URL(host);
    if (url.protocol === "unix:" || url.protocol === "npipe:") {
        return { socketPath: url.pathname };
    }
    const protocol = url.protocol === "ssh:" ? "ssh" : "http";
    return {
        protocol,
        host: url.hostname,
        ...(url.port === "" ? {} : { port: url.port }),
        ...(url.username === "" ? {} : { username: url.username }),
        ...(protocol === "ssh" ? { sshOptions: { agent: process.env.SSH_AUTH_SOCK } } : {}),
    };
}

function tlsOptions(folder: string): DockerOptions {
    if (!existsSync(join(folder, "ca.pem"))) {
        return {};
    }
    const [ca, cert, key] = ["ca.pem", "cert.pem", "key.pem"].map((name) => readFileSync(join(folder, name)));
    return { protocol: "https", ca, cert, key } as DockerOptions;
}
