//! HTTP itself, whatever the route: protocol, limits, proxies, throttle, permissions.

mod connections;
mod malformed_bodies;
mod permissions;
mod protocol;
mod proxy;
mod slow_clients;
mod throttle;
