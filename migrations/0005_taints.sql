-- Up Migration

-- Run → what was once held against its state of the key ({"<run>": ["VIOLATION_…"]}): a verification repairs the row, not the
-- state of who had sent it, so what that run emits next stays LOW (contract.md §3, taints).
alter table results add column taints json not null default '{}';
