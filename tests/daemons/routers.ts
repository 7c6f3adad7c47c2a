import { afterAll, beforeAll } from "vitest";
import type { Lab } from "../../lab/model";
import { applyFrr } from "../../provider/daemons/frr";
import { netnsDriver } from "../../provider/driver";
import type { Sandbox } from "../../provider/sandbox/protocol";
import { destroySandbox, startSandbox } from "../../provider/sandbox/start";
import { fabricSpec, routerSpec } from "../../render/embedded";
import type { Driver } from "../../verify/driver";

/** A sandbox for the routers of a test file's labs, from its first test to its last. */
export interface RunningRouters {
    readonly sandbox: Sandbox;
    readonly driver: Driver;
    /** Makes the links and routers of a lab, or changes those that are there. */
    apply(lab: Lab): Promise<void>;
}

/** Declares the sandbox; it is there in the tests. */
export function runningRouters(topic: string): RunningRouters {
    const name = `test-daemons-${topic}-${process.pid}`;
    let sandbox: Sandbox;
    let driver: ReturnType<typeof netnsDriver>;

    beforeAll(async () => {
        sandbox = await startSandbox(name);
        driver = netnsDriver(sandbox);
    });
    afterAll(async () => {
        driver.close();
        await destroySandbox(name);
    });

    return {
        get sandbox() {
            return sandbox;
        },
        get driver() {
            return driver;
        },
        async apply(lab) {
            await sandbox.call("applyFabric", { fabric: { sandbox: "", ...fabricSpec(lab) } });
            await Promise.all(Object.keys(lab.routers).map((router) => applyFrr(sandbox, routerSpec(lab, router))));
        },
    };
}
