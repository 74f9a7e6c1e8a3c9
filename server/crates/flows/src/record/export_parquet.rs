//! Records as an Apache Parquet file. A group of rows is held until it is full, then written; the file's end says where
//! each lies.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use parquet::{
    basic::{Compression, Encoding},
    data_type::{ByteArray, ByteArrayType, Int64Type},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::WriterProperties,
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::{parser::parse_message_type, types::ColumnPath},
};

use super::{export::ExportError, shown::RecordView};

/// What the columns are. Times are in microseconds, as the database has them.
const SCHEMA: &str = "message record {
    required binary id (UTF8);
    optional binary data (JSON);
    required int64 created_at (TIMESTAMP(MICROS, true));
    required int64 updated_at (TIMESTAMP(MICROS, true));
    optional int64 deleted_at (TIMESTAMP(MICROS, true));
}";
/// Bytes of ids and records in a group of rows; the last one may go beyond.
const GROUP_BYTES: usize = 16 << 20;
/// Rows in a group.
const GROUP_ROWS: usize = 100_000;
/// The file's own word for where the feed goes on.
const NEXT: &str = "patchbay.next_cursor";

/// What was written and not yet sent.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<ParquetError> for ExportError {
    fn from(error: ParquetError) -> Self {
        Self::Write(error.to_string())
    }
}

/// A file under way.
pub(super) struct ParquetFile {
    writer: SerializedFileWriter<Written>,
    written: Written,
    group: Vec<RecordView>,
    group_bytes: usize,
}

impl ParquetFile {
    /// Begins a file. Where the feed goes on stands in its metadata.
    pub(super) fn begin(next_cursor: &str) -> Result<Self, ExportError> {
        let written = Written::default();
        let metadata = vec![KeyValue::new(NEXT.to_owned(), next_cursor.to_owned())];
        let properties = WriterProperties::builder()
            .set_created_by("patchbay".to_owned())
            .set_compression(Compression::SNAPPY)
            // No two are alike.
            .set_dictionary_enabled(false)
            .set_column_encoding(ColumnPath::from("created_at"), Encoding::DELTA_BINARY_PACKED)
            .set_column_encoding(ColumnPath::from("updated_at"), Encoding::DELTA_BINARY_PACKED)
            .set_key_value_metadata(Some(metadata))
            .build();
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let writer = SerializedFileWriter::new(written.clone(), schema, Arc::new(properties))?;
        Ok(Self { writer, written, group: Vec::new(), group_bytes: 0 })
    }

    /// Adds records. Gives what is to be sent, which may be nothing yet.
    pub(super) fn add(mut self: Box<Self>, records: Vec<RecordView>) -> Result<(Box<Self>, Bytes), ExportError> {
        for record in records {
            self.group_bytes += record.id.len() + record.data.as_ref().map_or(0, String::len);
            self.group.push(record);
        }
        if self.group_bytes >= GROUP_BYTES || self.group.len() >= GROUP_ROWS {
            self.write_group()?;
        }
        let bytes = self.written.take();
        Ok((self, bytes))
    }

    /// Ends the file. Gives the rest of it.
    pub(super) fn end(mut self: Box<Self>) -> Result<Bytes, ExportError> {
        self.write_group()?;
        self.writer.finish()?;
        Ok(self.written.take())
    }

    fn write_group(&mut self) -> Result<(), ExportError> {
        let rows = std::mem::take(&mut self.group);
        self.group_bytes = 0;
        if rows.is_empty() {
            return Ok(());
        }
        let micros = |time: &chrono::DateTime<chrono::Utc>| time.timestamp_micros();
        let present = |is: bool| i16::from(is);
        let mut group = self.writer.next_row_group()?;
        let (mut ids, mut data, mut data_levels) = (Vec::new(), Vec::new(), Vec::new());
        let (mut created, mut updated) = (Vec::new(), Vec::new());
        let (mut deleted, mut deleted_levels) = (Vec::new(), Vec::new());
        for row in rows {
            ids.push(ByteArray::from(row.id.into_bytes()));
            data_levels.push(present(row.data.is_some()));
            data.extend(row.data.map(|data| ByteArray::from(data.into_bytes())));
            created.push(micros(&row.created_at));
            updated.push(micros(&row.updated_at));
            deleted_levels.push(present(row.deleted_at.is_some()));
            deleted.extend(row.deleted_at.as_ref().map(micros));
        }
        write::<ByteArrayType>(&mut group, &ids, None)?;
        write::<ByteArrayType>(&mut group, &data, Some(&data_levels))?;
        write::<Int64Type>(&mut group, &created, None)?;
        write::<Int64Type>(&mut group, &updated, None)?;
        write::<Int64Type>(&mut group, &deleted, Some(&deleted_levels))?;
        group.close()?;
        Ok(())
    }
}

/// Writes the next column of a group: its values, and for each row whether it has one.
fn write<T: parquet::data_type::DataType>(
    group: &mut SerializedRowGroupWriter<'_, Written>,
    values: &[T::T],
    present: Option<&[i16]>,
) -> Result<(), ExportError> {
    let column = group.next_column()?;
    let mut column = column.ok_or_else(|| ExportError::Write("the file has fewer columns".to_owned()))?;
    column.typed::<T>().write_batch(values, present, None)?;
    column.close()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use parquet::{
        file::reader::{FileReader as _, SerializedFileReader},
        record::RowAccessor as _,
    };

    use super::*;

    #[test]
    fn e_6_what_was_written_is_read_back() {
        let at = |n: i64| DateTime::from_timestamp_micros(1_763_800_000_000_000 + n).unwrap();
        let record = |n: i64| RecordView {
            id: format!("id-{n}"),
            seq: n,
            data: (n % 3 != 0).then(|| format!("{{\"n\": {n}, \"text\": \"é\"}}")),
            created_at: at(n),
            updated_at: at(2 * n),
            deleted_at: (n % 5 == 0).then(|| at(3 * n)),
        };
        let mut file = Box::new(ParquetFile::begin("the cursor").unwrap());
        let mut bytes = Vec::new();
        for part in 0..3 {
            let (next, some) = file.add((part * 100..part * 100 + 100).map(record).collect()).unwrap();
            (file, _) = (next, bytes.extend_from_slice(&some));
            file.write_group().unwrap();
        }
        bytes.extend_from_slice(&file.end().unwrap());
        assert_eq!((&bytes[..4], &bytes[bytes.len() - 4..]), (b"PAR1".as_slice(), b"PAR1".as_slice()));
        let reader = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
        let metadata = reader.metadata().file_metadata();
        assert_eq!((metadata.num_rows(), reader.num_row_groups()), (300, 3));
        let said = metadata.key_value_metadata().unwrap();
        assert!(said.iter().any(|pair| pair.key == NEXT && pair.value.as_deref() == Some("the cursor")));
        for (n, row) in (0_i64..).zip(reader.get_row_iter(None).unwrap()) {
            let (row, wanted) = (row.unwrap(), record(n));
            assert_eq!(row.get_string(0).unwrap(), &wanted.id);
            assert_eq!(row.get_timestamp_micros(2).unwrap(), wanted.created_at.timestamp_micros());
            assert_eq!(row.get_timestamp_micros(3).unwrap(), wanted.updated_at.timestamp_micros());
            assert_eq!(row.get_timestamp_micros(4).ok(), wanted.deleted_at.map(|at| at.timestamp_micros()));
        }
    }

    #[test]
    fn nothing_is_a_file_too() {
        let bytes = Box::new(ParquetFile::begin("c").unwrap()).end().unwrap();
        assert_eq!(SerializedFileReader::new(bytes).unwrap().metadata().file_metadata().num_rows(), 0);
    }
}
