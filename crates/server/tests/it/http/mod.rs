//! HTTP itself, whatever the route: protocol, limits, proxies, throttle, permissions.

mod challenges;
mod connections;
mod malformed_bodies;
mod pages;
mod permissions;
mod protocol;
mod proxy;
mod slow_clients;
mod throttle;
mod upgrade;
