mod account;
mod attempts;
mod operators;
mod passkeys;
mod phone;
mod worker;
