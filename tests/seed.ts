import fc from "fast-check";

// One seed for every run, so that what passes here passes everywhere. FC_SEED=$RANDOM looks for what it does not find.
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.FC_SEED ?? 4271) });
