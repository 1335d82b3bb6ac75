package io.tidemark.orders;

import io.tidemark.stamp.Stamped;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.api.connector.sink2.CommitterInitContext;
import org.apache.flink.api.connector.sink2.CommittingSinkWriter;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SupportsCommitter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** A result topic in memory with transactions: what is read is what was committed, in the order of commits. */
final class MemoryTopic implements Sink<Stamped>, SupportsCommitter<MemoryTopic.Transaction> {
  private static final long serialVersionUID = 1L;
  private static final List<Stamped> COMMITTED = new ArrayList<>();
  private static final Set<String> IDS = new HashSet<>();

  record Transaction(String id, List<Stamped> records) {}

  static List<Stamped> committed() {
    synchronized (COMMITTED) {
      return List.copyOf(COMMITTED);
    }
  }

  static void clear() {
    synchronized (COMMITTED) {
      COMMITTED.clear();
      IDS.clear();
    }
  }

  @Override
  public CommittingSinkWriter<Stamped, Transaction> createWriter(WriterInitContext context) {
    return new CommittingSinkWriter<>() {
      private List<Stamped> open = new ArrayList<>();

      @Override
      public void write(Stamped record, Context recordContext) {
        open.add(new Stamped(record.partition, record.key, record.value));
      }

      @Override
      public void flush(boolean endOfInput) {}

      @Override
      public Collection<Transaction> prepareCommit() {
        List<Stamped> records = open;
        open = new ArrayList<>();
        return records.isEmpty() ? List.of() : List.of(new Transaction(UUID.randomUUID().toString(), records));
      }

      @Override
      public void close() {}
    };
  }

  @Override
  public Committer<Transaction> createCommitter(CommitterInitContext context) {
    return new Committer<>() {
      @Override
      public void commit(Collection<CommitRequest<Transaction>> requests) {
        synchronized (COMMITTED) {
          for (CommitRequest<Transaction> request : requests) {
            if (IDS.add(request.getCommittable().id())) {
              COMMITTED.addAll(request.getCommittable().records());
            }
          }
        }
      }

      @Override
      public void close() {}
    };
  }

  @Override
  public SimpleVersionedSerializer<Transaction> getCommittableSerializer() {
    return new SimpleVersionedSerializer<>() {
      @Override
      public int getVersion() {
        return 1;
      }

      @Override
      public byte[] serialize(Transaction transaction) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeUTF(transaction.id());
        out.writeInt(transaction.records().size());
        for (Stamped record : transaction.records()) {
          out.writeInt(record.partition);
          out.writeUTF(record.key);
          byte[] value = record.value.getBytes(StandardCharsets.UTF_8);
          out.writeInt(value.length);
          out.write(value);
        }
        return bytes.toByteArray();
      }

      @Override
      public Transaction deserialize(int version, byte[] serialized) throws IOException {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(serialized));
        String id = in.readUTF();
        int count = in.readInt();
        List<Stamped> records = new ArrayList<>(count);
        for (int n = 0; n < count; n++) {
          int partition = in.readInt();
          String key = in.readUTF();
          records.add(new Stamped(partition, key, new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8)));
        }
        return new Transaction(id, records);
      }
    };
  }
}
