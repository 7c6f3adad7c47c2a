/** Where the peering controller is in a sandbox, as paths inside it. */

const directory = "/run/peering-controller";

export const controllerFiles = {
    directory,
    /** The program: a copy, so that it can be started again whatever becomes of the checkout. */
    program: `${directory}/controller.cjs`,
    /** What it is to do. */
    configuration: `${directory}/configuration.json`,
    /** What it takes away before it does that, if anything. */
    surplus: `${directory}/surplus.json`,
    /** What it says of itself. */
    status: `${directory}/status.json`,
} as const;
