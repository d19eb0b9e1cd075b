mod content;
mod outbox;
