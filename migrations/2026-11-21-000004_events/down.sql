DROP TABLE delivery_attempts, deliveries, endpoints, events;
