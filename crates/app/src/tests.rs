mod account;
mod attempts;
mod certificates;
mod operators;
mod passkeys;
mod phone;
mod totps;
mod worker;
