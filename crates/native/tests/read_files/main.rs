//! The readers on small files: what becomes a track, what is skipped, what is rejected and how it is reported.

mod avro;
mod avro_damage;
mod csv;
mod events;
mod inputs;
mod json;
mod json_forms;
mod odd_files;
mod parquet;
mod parquet_damage;
mod support;
mod tables;
mod times;
